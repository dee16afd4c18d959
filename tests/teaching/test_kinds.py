"""Every kind of commentary in a user's own `fit`."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_student

from tfcommentaries import (
    AttentionMask,
    CommentaryCallback,
    CommentaryLearner,
    ImplicitTraining,
    LabelBlending,
    LearnCommentaryCallback,
    SoftLabels,
    teach,
    teachers,
)

KINDS = {
    "mask": lambda: AttentionMask(teachers.unet((8, 8, 1), depth=1, width=4)),
    "blending": lambda: LabelBlending(10),
    "soft labels": lambda: SoftLabels(10),
}


@pytest.fixture
def data(digits):
    return digits.train.x[:64], np.eye(10, dtype="float32")[digits.train.y[:64]]


def make_model():
    return make_student(loss=keras.losses.CategoricalCrossentropy(from_logits=True))


@pytest.mark.parametrize("kind", KINDS)
def test_teaches_in_fit_what_it_teaches_in_a_pipeline(kind, data):
    commentary = KINDS[kind]()
    models = [make_model(), make_model()]
    models[1].set_weights(models[0].get_weights())
    batches = tf.data.Dataset.from_tensor_slices(data).batch(32)
    models[0].fit(batches, callbacks=[CommentaryCallback(commentary)], verbose=0)
    models[1].fit(teach(batches, commentary), verbose=0)
    for a, b in zip(*(model.get_weights() for model in models)):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_is_learned_by_implicit_training(kind, data, digits):
    commentary = KINDS[kind]()
    commentary.teach(*data)
    before = [v.numpy() for v in commentary.trainable_variables]
    learner = CommentaryLearner(
        commentary,
        make_model(),
        ImplicitTraining(),
        inner_steps=2,
        student_initialization="continue",
        validation_taught=kind == "mask",
    )
    learner.compile(keras.optimizers.SGD(10.0), metrics=["accuracy"])
    # Labels as integers: what comes out of the commentary is soft all the same.
    train = (data[0], digits.train.y[:64]) if kind != "mask" else data
    learner.fit(train, data, batch_size=32, steps_per_epoch=2, verbose=0)
    after = [v.numpy() for v in commentary.trainable_variables]
    assert any(not np.array_equal(a, b) for a, b in zip(after, before))


@pytest.mark.parametrize("kind", KINDS)
def test_is_learned_inside_fit(kind, data):
    commentary = KINDS[kind]()
    commentary.teach(*data)
    before = [v.numpy() for v in commentary.trainable_variables]
    callback = LearnCommentaryCallback(
        commentary, data, optimizer=keras.optimizers.SGD(10.0)
    )
    logs = make_model().fit(*data, callbacks=[callback], verbose=0).history
    assert np.isfinite(logs["outer_loss"][0])
    after = [v.numpy() for v in commentary.trainable_variables]
    assert any(not np.array_equal(a, b) for a, b in zip(after, before))
