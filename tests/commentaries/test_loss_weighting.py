"""Weights that follow a student's losses."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_student

from tfcommentaries import (
    CommentaryCallback,
    CommentaryLearner,
    Composition,
    ImplicitTraining,
    LearnCommentaryCallback,
    LossWeighting,
    SavedCommentary,
    UnrolledTraining,
    export_commentary,
    teach,
)
from tfcommentaries.hypergradients import InnerProblem
from tfcommentaries.students import FunctionalStudent


def make_weighting(**options):
    weighting = LossWeighting(**options)
    weighting(tf.zeros([1]))
    # As if it had learned to trust examples with a small loss.
    generator = np.random.default_rng(0)
    for variable in weighting.trainable_variables:
        variable.assign(0.5 * generator.normal(size=variable.shape))
    return weighting


def test_starts_from_equal_weights():
    np.testing.assert_allclose(LossWeighting()(np.array([0.1, 3.0])), [0.5, 0.5])


@pytest.mark.parametrize("every", [0, 1, 2])
def test_hypergradient_agrees_with_differences(float64, every):
    weighting = make_weighting(dtype="float64")
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(3, 6, 4)), np.tile(np.arange(6) % 3, (3, 1))
    model = make_student((4,), 3, optimizer=keras.optimizers.SGD(0.5))
    student = FunctionalStudent(model)
    student.build(x[0], y[0])
    layer = UnrolledTraining(checkpoint_interval=every).bind(weighting, student)

    @tf.function(autograph=False)
    def outer_loss(phi):
        weights = layer(phi, student.weights, (x, y))
        return student.loss(weights, x[0, ::-1], y[0])[0]

    phi = [tf.convert_to_tensor(v) for v in weighting.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(phi)
        loss = outer_loss(phi)
    for i, gradient in enumerate(tape.gradient(loss, phi)):
        direction = generator.normal(size=phi[i].shape)
        losses = [
            outer_loss([*phi[:i], phi[i] + h * direction, *phi[i + 1 :]])
            for h in (1e-6, -1e-6)
        ]
        expected = float(losses[0] - losses[1]) / 2e-6
        assert float(tf.reduce_sum(gradient * direction)) == pytest.approx(
            expected, rel=1e-4, abs=1e-8
        )


def test_teaches_in_fit_what_weights_by_hand_do(digits):
    weighting = make_weighting()
    x, y = digits.train.x[:32], digits.train.y[:32]
    models = [make_student(optimizer=keras.optimizers.SGD(0.1)) for _ in range(2)]
    models[1].set_weights(models[0].get_weights())
    models[0].fit(
        x, y, batch_size=32, callbacks=[CommentaryCallback(weighting)], verbose=0
    )
    # Batch statistics as in the training step, whose moving ones must not move.
    student = FunctionalStudent(models[1])
    outputs, _ = student.predict(student.weights, x, training=True)
    losses = keras.losses.sparse_categorical_crossentropy(y, outputs, from_logits=True)
    weights = weighting(losses)
    models[1].train_on_batch(x, y, np.array(weights / tf.reduce_mean(weights)))
    for a, b in zip(models[0].get_weights(), models[1].get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert "compute_loss" not in vars(models[0])


@pytest.mark.parametrize(
    "inner_training",
    [UnrolledTraining(), ImplicitTraining(solver="identity")],
    ids=["unrolled", "implicit"],
)
def test_is_learned_along_one_training(inner_training, noisy_digits, digits):
    x, y, _ = noisy_digits
    weighting = LossWeighting()
    learner = CommentaryLearner(
        weighting,
        make_student(optimizer=keras.optimizers.SGD(0.1)),
        inner_training,
        inner_steps=1,
        student_initialization="continue",
    )
    learner.compile(keras.optimizers.Adam(2e-3))
    learner.fit((x, y), digits.validation, epochs=1, steps_per_epoch=500, verbose=0)
    # Wrong labels have large losses.
    small, large = weighting(np.array([0.1, 4.0])).numpy()
    assert small > large


def test_is_learned_inside_fit(noisy_digits, digits):
    x, y, _ = noisy_digits
    weighting = LossWeighting()
    learn = LearnCommentaryCallback(
        weighting,
        digits.validation,
        ImplicitTraining(solver="identity"),
        optimizer=keras.optimizers.Adam(2e-3),
    )
    make_student().fit(x, y, epochs=15, callbacks=[learn], verbose=0)
    small, large = weighting(np.array([0.1, 4.0])).numpy()
    assert small > large


def test_export_takes_losses(tmp_path):
    weighting = make_weighting()
    losses = np.array([0.1, 1.0, 4.0], "float32")
    export_commentary(weighting, tmp_path / "it")
    saved = SavedCommentary(tmp_path / "it")
    np.testing.assert_allclose(saved(losses), weighting(losses), rtol=1e-6)
    assert saved.uses_student_loss


def test_says_where_it_cannot_be_used(digits):
    batches = tf.data.Dataset.from_tensor_slices(tuple(digits.train)).batch(4)
    with pytest.raises(TypeError, match="CommentaryCallback"):
        teach(batches, LossWeighting())
    with pytest.raises(ValueError, match="not the student's losses"):
        Composition([LossWeighting()])
    with pytest.raises(ValueError, match="validation_taught=False"):
        CommentaryLearner(LossWeighting(), make_student(), validation_taught=True)


def test_a_problem_of_the_data_is_refused():
    with pytest.raises(ValueError, match="Use LossWeightedProblem for a LossWeighting"):
        InnerProblem(LossWeighting(), None)
