"""The hypergradient of an outer step, its direct terms included."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_student

from tfcommentaries import (
    AttentionMask,
    UnrolledTraining,
    teachers,
)
from tfcommentaries.learning.outer_step import OuterStep
from tfcommentaries.students import FunctionalStudent


def make_masks():
    network = teachers.unet((4, 4, 1), depth=1, width=2, dtype="float64")
    return AttentionMask(network, area_penalty=0.3, dtype="float64")


def check_hypergradient(commentary, loss_at="end", taught=False, interval=None):
    """Compares the hypergradient of an outer step with central differences."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(3, 6, 4, 4, 1))
    y = np.tile(np.eye(3)[np.arange(6) % 3], (3, 1, 1))
    commentary.teach(x[0], y[0], progress=0.0)
    for variable in commentary.trainable_variables:
        variable.assign(0.5 * generator.normal(size=variable.shape))
    model = make_student(
        (4, 4, 1),
        3,
        optimizer=keras.optimizers.SGD(0.3),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
    )
    student = FunctionalStudent(model)
    student.build(x[0], y[0])
    layer = UnrolledTraining(checkpoint_interval=interval).bind(commentary, student)

    def outer_loss(x, y, outputs, sample_weight):
        return tf.reduce_mean(model.loss(y, outputs))

    step = OuterStep(layer, outer_loss, loss_at, "training", taught)
    state = layer.problem.initial_state(student.weights)
    batches = tf.constant(x), tf.constant(y)
    validation = x[0, ::-1], y[0]
    progress = tf.constant([0.0, 0.5, 1.0])

    @tf.function(autograph=False)
    def compute():
        return step(state, batches, validation, progress, 0)[:2]

    _, hypergradient = compute()
    for variable, gradient in zip(commentary.trainable_variables, hypergradient):
        direction = generator.normal(size=variable.shape)
        value = variable.numpy()
        losses = []
        for sign in (1, -1):
            variable.assign(value + sign * 1e-6 * direction)
            losses.append(float(compute()[0]))
        variable.assign(value)
        expected = (losses[0] - losses[1]) / 2e-6
        found = float(tf.reduce_sum(gradient * direction))
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("interval", [0, 1, 2])
@pytest.mark.parametrize("loss_at", ["end", "every_step"])
def test_masked_validation_agrees_with_differences(float64, loss_at, interval):
    check_hypergradient(make_masks(), loss_at, True, interval)


def test_the_loss_at_every_step_agrees_with_differences(float64):
    check_hypergradient(make_masks(), "every_step")
