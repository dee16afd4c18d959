"""What fails inside of a graph is said in a sentence."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_student

from tfcommentaries import (
    CommentaryCallback,
    CommentaryLearner,
    ExampleWeighting,
    ImplicitTraining,
    LearnCommentaryCallback,
    teachers,
)


class Normalized(keras.layers.Layer):
    """Has an operation without a second derivative."""

    def call(self, x):
        return tf.nn.local_response_normalization(x)


def make_images():
    generator = np.random.default_rng(0)
    return generator.normal(size=(8, 6, 6, 3)).astype("float32"), np.arange(8) % 2


def make_model():
    nested = keras.Sequential([Normalized(name="normalized")])
    model = keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            keras.layers.Conv2D(3, 3),
            nested,
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def make_weighting():
    return ExampleWeighting(teachers.mlp((6, 6, 3), units=(4,)))


def test_a_layer_without_second_derivative_is_named_with_the_mend():
    images = make_images()
    learner = CommentaryLearner(make_weighting(), make_model(), inner_steps=2)
    learner.compile()
    with pytest.raises(ValueError, match="'normalized' .Normalized.*LRNGrad") as raised:
        learner.fit(images, images, steps_per_epoch=1, verbose=0)
    assert len(str(raised.value)) < 600
    training = ImplicitTraining(products="finite_difference")
    learner = CommentaryLearner(make_weighting(), make_model(), training, inner_steps=2)
    learner.compile()
    history = learner.fit(images, images, steps_per_epoch=1, verbose=0).history
    assert history["hypergradient_norm"][0] > 0


def test_inside_fit_too():
    images = make_images()
    training = ImplicitTraining(products="reverse")
    learn = LearnCommentaryCallback(make_weighting(), images, training)
    with pytest.raises(ValueError, match="differentiate twice .LRNGrad"):
        make_model().fit(*images, callbacks=[learn], verbose=0)


@pytest.mark.parametrize("learning", [False, True])
def test_a_label_that_is_wrong_late_in_the_data_is_named(learning):
    x = np.zeros((80, 5), "float32")
    y = np.zeros(80, "int32")
    y[79] = 3  # After what is checked before.
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(2)
    weighting = ExampleWeighting(num_classes=3)
    model = make_student((5,), 4)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="outside 0 to 2"
    ) as raised:
        if learning:
            learner = CommentaryLearner(weighting, model, inner_steps=4)
            learner.compile()
            learner.fit(data, (x[:4], y[:4]), verbose=0)
        else:
            weighting(x[:2], y=y[:2])
            model.fit(data, callbacks=[CommentaryCallback(weighting)], verbose=0)
    assert len(str(raised.value)) < 200
