"""Padded steps and ignored pixels count as little as in Keras's own `evaluate`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries import (
    CommentaryCallback,
    CommentaryLearner,
    LearnCommentaryCallback,
    LossWeighting,
)
from tfcommentaries.students import FunctionalStudent

layers = keras.layers


def make_tagger(**options):
    """A student of steps, of which those of word 0 are padding."""
    inputs = keras.Input((6,))
    x = layers.Embedding(9, 4, mask_zero=True)(inputs)
    model = keras.Model(inputs, layers.Dense(3)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"], **options)
    return model


def make_segmenter(**options):
    """A student of pixels, of which those of class -1 are ignored."""
    model = keras.Sequential([keras.Input((3, 2, 4)), layers.Conv2D(3, 1)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    model.compile("sgd", loss, **options)
    return model


def padded():
    generator = np.random.default_rng(0)
    x = generator.integers(1, 9, (8, 6)).astype("float32")
    lengths = np.arange(8) % 5 + 2
    x[np.arange(6) >= lengths[:, None]] = 0
    # Padding has the class that is right by chance in a third of the steps.
    return x, np.where(x == 0, 1, x % 3).astype("int64")


def ignored():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(8, 3, 2, 4)).astype("float32")
    y = generator.integers(-1, 3, (8, 3, 2))
    y[0] = -1
    return x, y


@pytest.mark.parametrize("students_per_step", [1, 2])
def test_metrics_and_loss_of_a_learner_are_those_of_evaluate(students_per_step):
    student, (x, y) = make_tagger(), padded()
    expected = student.evaluate(x, y, verbose=0, return_dict=True)
    # A rate of zero: every trained student is the student as it was.
    student.optimizer.learning_rate = 0.0
    learner = CommentaryLearner(
        LossWeighting(),
        student,
        inner_steps=1,
        student_initialization="fixed",
        students_per_step=students_per_step,
    )
    learner.compile(metrics=["accuracy"], jit_compile=False)
    history = learner.fit((x, y), validation_data=(x, y), steps_per_epoch=1, verbose=0)
    for name, value in expected.items():
        np.testing.assert_allclose(history.history[name], value, rtol=1e-5)
    # Padding would have changed both.
    outputs = tf.convert_to_tensor(student.predict(x, verbose=0))
    assert abs(np.mean(np.argmax(outputs, -1) == y) - expected["accuracy"]) > 0.01


class Seen(LossWeighting):
    """Keeps the losses that it saw last."""

    def call(self, x, y=None, progress=None):
        self.seen.append(x)
        return super().call(x)


def kerass_own(model, x, y, weights=None):
    """The loss of each example alone, as Keras gives it."""
    return [
        float(
            model.loss(
                y[i : i + 1],
                model(x[i : i + 1]),
                None if weights is None else weights[i : i + 1],
            )
        )
        for i in range(len(x))
    ]


@pytest.mark.parametrize(
    ("make", "data"), [(make_tagger, padded), (make_segmenter, ignored)]
)
def test_a_commentary_sees_the_losses_that_keras_sees(make, data):
    model, (x, y) = make(run_eagerly=True), data()
    expected = kerass_own(model, x, y)
    seen = []

    def weigh(losses, sample_weight):
        seen.append(losses)

    student = FunctionalStudent(model)
    student.loss(student.weights, x, y, weigh=weigh)
    commentary = Seen()
    commentary.seen = seen
    commentary(tf.zeros([1]))
    model.fit(
        x,
        y,
        batch_size=8,
        verbose=0,
        shuffle=False,
        callbacks=[CommentaryCallback(commentary)],
    )
    for losses in seen[0], seen[-1]:
        np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=1e-6)


def test_steps_that_the_user_weighs_with_zero_are_left_out():
    x, y = padded()
    model = make_tagger()
    plain = keras.Model(
        model.input, layers.Dense(3)(layers.Embedding(9, 4)(model.input))
    )
    plain.set_weights(model.get_weights())
    plain.compile("sgd", model.loss)
    weights = (x != 0).astype("float32")
    seen = []
    student = FunctionalStudent(plain)
    student.loss(
        student.weights,
        x,
        y,
        tf.constant(weights),
        weigh=lambda losses, weight: seen.append(losses) or weight,
    )
    np.testing.assert_allclose(seen[0], kerass_own(model, x, y), rtol=1e-5)


def test_the_outer_loss_of_learning_in_fit_is_that_of_evaluate():
    model, (x, y) = make_tagger(), padded()
    model.optimizer.learning_rate = 0.0
    expected = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    learn = LearnCommentaryCallback(LossWeighting(), (x, y), warmup=0)
    history = model.fit(x, y, batch_size=8, verbose=0, callbacks=[learn])
    np.testing.assert_allclose(history.history["outer_loss"], expected, rtol=1e-5)
