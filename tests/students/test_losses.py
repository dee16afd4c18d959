"""Losses as `compile` takes them, wherever examples are weighed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries import (
    CommentaryCallback,
    CommentaryLearner,
    ExampleWeighting,
    GroupWeighting,
    LearnCommentaryCallback,
)
from tfcommentaries.students import losses


@pytest.mark.parametrize(
    "loss",
    [
        "mse",
        "binary_crossentropy",
        keras.losses.mean_absolute_error,
        keras.losses.Huber(),
    ],
)
def test_labels_may_lack_the_last_axis(loss):
    y, outputs = np.float32([0, 1, 1]), tf.constant([[0.2], [0.9], [0.4]])
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", loss)
    found = losses.as_loss(loss).call(y, outputs)
    np.testing.assert_allclose(found, losses.example_losses(model, y, outputs))
    expected = losses.as_loss(loss).call(y[:, None], outputs)
    np.testing.assert_allclose(found, expected)
    losses.check_takes_weights(model, y, outputs, tf.ones([3]))


def test_a_function_sees_several_outputs(vectors):
    x, y = vectors
    inputs = keras.Input((5,))
    outputs = [keras.layers.Dense(3)(inputs), keras.layers.Dense(1)(inputs)]
    student = keras.Model(inputs, outputs)
    classes = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    student.compile("sgd", [classes, "mse"])
    labels = y, x[:, :1]
    learn = LearnCommentaryCallback(
        GroupWeighting(y),
        (x, labels),
        loss=lambda y, outputs: keras.losses.mean_squared_error(y[1], outputs[1]),
        warmup=0,
    )
    grouped = learn.commentary.add_groups(x, y)
    logs = student.fit(grouped, labels, callbacks=[learn], verbose=0).history
    assert logs["hypergradient_norm"][0] > 0


@pytest.mark.parametrize("loss", ["binary_crossentropy", "mse"])
def test_one_output_and_flat_labels_are_learned_and_taught(vectors, loss):
    x, y = vectors[0], (vectors[1] > 0).astype("float32")
    student = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1, "sigmoid")])
    student.compile("sgd", loss)
    learner = CommentaryLearner(ExampleWeighting(), student, inner_steps=2)
    learner.compile()
    logs = learner.fit(x, y, validation_data=(x, y), steps_per_epoch=1, verbose=0)
    assert np.isfinite(logs.history["loss"][0])
    before = [np.array(v) for v in learner.commentary.trainable_variables]
    for callback in (
        CommentaryCallback(learner.commentary),
        LearnCommentaryCallback(learner.commentary, (x, y), warmup=0),
    ):
        logs = student.fit(x, y, batch_size=4, callbacks=[callback], verbose=0)
        assert np.isfinite(logs.history["loss"][0])
    assert any(
        (old != new).any()
        for old, new in zip(
            before, map(np.array, learner.commentary.trainable_variables)
        )
    )
