"""A second task for the student."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries import (
    AuxiliaryTargets,
    CommentaryCallback,
    CommentaryLearner,
    SavedCommentary,
    UnrolledTraining,
    export_commentary,
)
from tfcommentaries.learning.outer_step import OuterStep
from tfcommentaries.students import FunctionalStudent

LOSSES = keras.losses


def make_student(shape=(8, 8, 1), classes=10, targets=4, optimizer="adam"):
    inputs = keras.Input(shape)
    body = keras.layers.Flatten()(inputs)
    body = keras.layers.Dense(16, "relu")(body)
    heads = {
        name: keras.layers.Dense(size, name=name)(body)
        for name, size in (("main", classes), ("auxiliary", targets))
    }
    model = keras.Model(inputs, heads)
    model.compile(
        optimizer,
        loss={
            "main": LOSSES.SparseCategoricalCrossentropy(from_logits=True),
            "auxiliary": LOSSES.CategoricalCrossentropy(from_logits=True),
        },
    )
    return model


def test_gives_a_distribution_that_sees_the_label(digits):
    x, y = digits.train.x[:6], digits.train.y[:6]
    targets = AuxiliaryTargets(4, num_classes=10)
    found = targets(x, y=y)
    assert found.shape == (6, 4)
    np.testing.assert_allclose(tf.reduce_sum(found, -1), np.ones(6), rtol=1e-5)
    assert not np.allclose(found, targets(x, y=(y + 1) % 10))
    _, labels, weight = targets.teach(x, y)
    assert set(labels) == {"main", "auxiliary"} and weight is None
    np.testing.assert_array_equal(labels["main"], y)


def test_hypergradient_agrees_with_differences(float64):
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(3, 6, 5)), np.tile(np.arange(6) % 3, (3, 1))
    targets = AuxiliaryTargets(4, num_classes=3, dtype="float64")
    targets.teach(x[0], y[0])
    model = make_student((5,), 3, optimizer=keras.optimizers.SGD(0.3))
    student = FunctionalStudent(model)
    student.build(*targets.teach(x[0], y[0])[:2])
    layer = UnrolledTraining().bind(targets, student)

    def outer_loss(x, y, outputs, sample_weight):
        return tf.reduce_mean(model.loss["main"](y["main"], outputs["main"]))

    step = OuterStep(layer, outer_loss, "end", "training", False)
    state = layer.problem.initial_state(student.weights)

    @tf.function(autograph=False)
    def compute():
        batches = tf.constant(x), tf.constant(y)
        validation = tf.constant(x[0, ::-1]), tf.constant(y[0])
        return step(state, batches, validation, tf.zeros([3]), 0)[:2]

    _, hypergradient = compute()
    for variable, gradient in zip(targets.trainable_variables, hypergradient):
        direction, value = generator.normal(size=variable.shape), variable.numpy()
        losses = []
        for sign in (1, -1):
            variable.assign(value + sign * 1e-6 * direction)
            losses.append(float(compute()[0]))
        variable.assign(value)
        found = float(tf.reduce_sum(gradient * direction))
        assert found == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-4)


def test_is_learned_exported_and_taught(digits, tmp_path):
    targets = AuxiliaryTargets(4, num_classes=10)
    learner = CommentaryLearner(targets, make_student(), inner_steps=3)
    learner.compile("adam")
    before = targets(digits.train.x[:4], y=digits.train.y[:4]).numpy()
    history = learner.fit(
        digits.train, digits.validation, steps_per_epoch=3, epochs=2, verbose=0
    ).history
    # The outer loss is that of ten classes alone.
    assert history["loss"][0] < 1.2 * np.log(10)
    saved = tmp_path / "targets"
    export_commentary(targets, saved)
    after = SavedCommentary(saved)(digits.train.x[:4], y=digits.train.y[:4])
    assert not np.allclose(before, after)
    student = make_student()
    logs = student.fit(*digits.train, callbacks=[CommentaryCallback(saved)], verbose=0)
    assert np.isfinite(logs.history["loss"][0])


def test_untaught_only_the_main_output_counts():
    targets, model = AuxiliaryTargets(4), make_student((5,), 3)
    x = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")
    y, weight = np.arange(6) % 3, np.linspace(0.5, 2, 6).astype("float32")
    main = keras.Model(model.input, model.output["main"])
    main.compile("adam", model.loss["main"])
    for given in (), (weight,):
        x_untaught, labels, weights = targets.untaught((x, y, *given))
        found = model.compute_loss(x, labels, model(x_untaught), weights)
        np.testing.assert_allclose(
            found, main.evaluate(x, y, sample_weight=next(iter(given), None)), rtol=1e-5
        )


def test_refuses_one_target():
    with pytest.raises(ValueError, match="num_targets=1"):
        AuxiliaryTargets(1)
