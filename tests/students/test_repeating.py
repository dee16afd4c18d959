"""A step that would not be the same again is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries.students import FunctionalStudent
from tfcommentaries.students.repeating import check_repeats


def test_weights_that_layers_change_are_refused():
    x = keras.Input((8,))
    hidden = keras.layers.SpectralNormalization(keras.layers.Dense(4))(x)
    model = keras.Model(x, keras.layers.Dense(1)(hidden))
    model.compile("sgd", "mse")
    arrays = np.ones((3, 8), "float32"), np.ones((3, 1), "float32")
    with pytest.raises(
        ValueError, match=r"changes the weight '.*kernel' while it runs"
    ):
        check_repeats(FunctionalStudent(model), *arrays)


def noise(x):
    return x + tf.random.normal(tf.shape(x))


@pytest.mark.parametrize(
    "make",
    [lambda: keras.layers.AugMix(), lambda: keras.layers.Lambda(noise)],
    ids=["AugMix", "own"],
)
def test_random_numbers_that_do_not_repeat_are_refused(make):
    x = keras.Input((6, 6, 3))
    model = keras.Model(x, keras.layers.Dense(1)(keras.layers.Flatten()(make()(x))))
    model.compile("sgd", "mse")
    generator = np.random.default_rng(0)
    images = generator.uniform(0, 255, size=(3, 6, 6, 3)).astype("float32")
    y = np.ones((3, 1), "float32")
    student = FunctionalStudent(model)
    student.build(images, y)  # To be evaluated, it need not repeat.
    with pytest.raises(ValueError, match="random numbers that do not repeat"):
        check_repeats(student, images, y)
