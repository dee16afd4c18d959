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


def little_noise(x):
    return x + 1e-9 * tf.random.normal(tf.shape(x))


@pytest.mark.parametrize("place", ["layer", "function", "loss"])
def test_what_two_runs_hardly_show_is_seen_where_a_step_is_traced(place):
    layer = {"layer": little_noise, "function": tf.function(little_noise)}.get(place)

    def loss(y, outputs):
        return keras.losses.mean_squared_error(y, little_noise(outputs))

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    if layer is not None:
        model.add(keras.layers.Lambda(layer))
    model.compile("sgd", loss if place == "loss" else "mse")
    student = FunctionalStudent(model)
    x, y = tf.ones([3, 2]), tf.ones([3, 1])
    student.build(x, y)
    check_repeats(student, x, y)
    step = tf.function(lambda: student.loss(student.weights, x, y), autograph=False)
    with pytest.raises(ValueError, match="random numbers that do not repeat"):
        step()


def test_what_is_drawn_outside_of_the_student_is_its_users():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    student = FunctionalStudent(model)
    x, y = tf.ones([3, 2]), tf.ones([3, 1])
    student.build(x, y)
    augment = tf.function(noise)

    @tf.function(autograph=False)
    def step():
        return student.loss(student.weights, noise(augment(x)), y)[0]

    assert step() != step()
