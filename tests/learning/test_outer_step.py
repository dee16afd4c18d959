"""The hypergradient of an outer step, its direct terms included."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import make_student

from tfcommentaries import AttentionMask, UnrolledTraining, teachers
from tfcommentaries.learning.outer_step import OuterStep
from tfcommentaries.students import FunctionalStudent


@pytest.mark.parametrize("loss_at", ["end", "every_step"])
@pytest.mark.parametrize("taught", [False, True])
def test_agrees_with_differences(float64, loss_at, taught):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(3, 6, 4, 4, 1))
    y = np.tile(np.arange(6) % 3, (3, 1))
    network = teachers.unet((4, 4, 1), depth=1, width=2, dtype="float64")
    masks = AttentionMask(network, area_penalty=0.3, dtype="float64")
    masks(x[0])
    for variable in masks.trainable_variables:
        variable.assign(0.5 * generator.normal(size=variable.shape))
    model = make_student((4, 4, 1), 3, optimizer=keras.optimizers.SGD(0.3))
    student = FunctionalStudent(model)
    student.build(x[0], y[0])
    layer = UnrolledTraining().bind(masks, student)

    def outer_loss(x, y, outputs, sample_weight):
        return tf.reduce_mean(model.loss(y, outputs))

    step = OuterStep(layer, outer_loss, loss_at, "training", taught)
    state = layer.problem.initial_state(student.weights)
    batches = tf.constant(x), tf.constant(y)
    validation = x[0, ::-1], y[0]

    @tf.function
    def compute():
        return step(state, batches, validation, tf.zeros([3]), 0)[:2]

    _, hypergradient = compute()
    for variable, gradient in zip(masks.trainable_variables, hypergradient):
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
