"""Learning under a global policy of mixed precision: as much as in float32."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_student

from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    FewShotLearner,
    ImplicitTraining,
    LearnCommentaryCallback,
    UnrolledTraining,
    teachers,
)


@pytest.fixture
def data(vectors):
    """`((inputs with ids, labels), (the same for validation))`."""
    x, y = vectors
    inputs = {"id": np.arange(12, dtype="int32"), "x": x}
    other = {"id": np.zeros(12, "int32"), "x": x[::-1]}
    return (inputs, y), (other, y)


def learn(data, inner_training):
    """The logits of a table after some outer steps."""
    keras.utils.set_random_seed(0)
    table = teachers.Table(12)
    commentary = ExampleWeighting(table, teacher_key="id", student_key="x")
    train, validation = data
    optimizer = keras.optimizers.Adam(0.1)
    if inner_training is None:
        callback = LearnCommentaryCallback(
            commentary, validation, optimizer=optimizer, warmup=0
        )
        make_student((5,), 3).fit(
            *train, epochs=4, batch_size=12, callbacks=[callback], verbose=0
        )
    else:
        learner = CommentaryLearner(
            commentary, make_student((5,), 3), inner_training, inner_steps=3
        )
        learner.compile(optimizer)
        learner.fit(train, validation, batch_size=12, steps_per_epoch=4, verbose=0)
    return table.logits.numpy()


@pytest.mark.parametrize(
    "inner_training",
    [UnrolledTraining(), ImplicitTraining(solver="identity"), None],
    ids=["unrolled", "implicit", "inside fit"],
)
def test_a_commentary_changes_as_in_float32(data, inner_training, mixed_float16):
    half = learn(data, inner_training)
    keras.config.set_dtype_policy("float32")
    exact = learn(data, inner_training)
    assert np.abs(exact).mean() > 0.1
    assert np.linalg.norm(half) == pytest.approx(np.linalg.norm(exact), rel=0.2)
    assert np.corrcoef(half, exact)[0, 1] > 0.9


def test_few_shot_learning_changes_weights(vectors, mixed_float16):
    task = vectors, vectors
    tasks = tf.data.Dataset.from_tensors(task).repeat().batch(2)
    student = make_student((5,), 3)
    learner = FewShotLearner(student, inner_steps=1)
    learner.compile(keras.optimizers.Adam(1e-2))
    before = [v.numpy() for v in student.trainable_variables]
    learner.fit(tasks, steps_per_epoch=5, verbose=0)
    kernel, *_ = (v - b for v, b in zip(student.trainable_variables, before))
    assert np.abs(kernel).mean() > 0.02


def test_optimizers_that_scale_losses_do_not_scale_hypergradients(data):
    train, validation = data
    optimizers = (
        keras.optimizers.SGD(1.0),
        keras.optimizers.SGD(1.0, loss_scale_factor=1e4),
        keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1.0)),
    )
    tables = []
    for optimizer in optimizers:
        keras.utils.set_random_seed(0)
        table = teachers.Table(12)
        commentary = ExampleWeighting(table, teacher_key="id", student_key="x")
        learner = CommentaryLearner(commentary, make_student((5,), 3), inner_steps=3)
        learner.compile(optimizer)
        learner.fit(train, validation, batch_size=12, steps_per_epoch=2, verbose=0)
        tables.append(table.logits.numpy())
    assert np.abs(tables[0]).max() > 1e-3
    for scaled in tables[1:]:
        np.testing.assert_allclose(scaled, tables[0], rtol=1e-3, atol=1e-6)
