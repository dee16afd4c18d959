"""Students with a `compute_loss` or a `train_step` of their own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_linear

from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    GroupWeighting,
    LearnCommentaryCallback,
    LossWeighting,
)

SPARSE = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def compute_squares(self, x=None, y=None, y_pred=None, sample_weight=None):
    """Squares instead of the compiled loss; as in Keras's guide, without `training`."""
    losses = tf.reduce_sum(tf.square(tf.one_hot(y, 3) - y_pred), -1)
    if sample_weight is not None:
        losses *= tf.cast(sample_weight, losses.dtype)
    return tf.reduce_mean(losses)


def own(methods, loss=None):
    """A compiled linear student with methods of its own."""
    model_class = type("Own", (keras.Sequential,), methods)
    model = model_class([keras.Input((5,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.SGD(0.1), loss=loss)
    return model


@pytest.fixture
def weighting():
    weighting = GroupWeighting(["ann", "bob"])
    weighting.logits["group"].assign([[[-0.5]], [[0.5]]])
    return weighting


@pytest.fixture
def grouped(weighting, vectors):
    x, y = vectors
    return weighting.add_groups(x, np.array(["ann", "bob"])[np.arange(12) % 2]), y


@pytest.mark.parametrize("compiled", [None, SPARSE])
def test_the_students_own_loss_is_the_inner_and_the_outer_one(
    compiled, weighting, grouped, vectors
):
    """One outer step against finite differences of a training written with Keras."""
    model = own({"compute_loss": compute_squares}, compiled)
    learner = CommentaryLearner(
        weighting, model, inner_steps=2, student_initialization="fixed"
    )
    learner.compile(keras.optimizers.SGD(1.0))
    before = weighting.logits["group"].numpy()
    history = learner.fit(
        grouped, vectors, batch_size=12, steps_per_epoch=1, verbose=0
    ).history
    moved = before - weighting.logits["group"].numpy()

    def outer(logits):
        weights = 1 / (1 + np.exp(-logits.ravel()))
        weights = tf.constant((weights / weights.mean())[np.arange(12) % 2], "float32")
        copy = own({"compute_loss": compute_squares})
        copy.set_weights(model.get_weights())
        for _ in range(2):
            copy.train_on_batch(vectors[0], vectors[1], weights)
        return float(compute_squares(copy, None, vectors[1], copy(vectors[0])))

    assert history["loss"][0] == pytest.approx(outer(before), rel=1e-5)
    for row in range(2):
        step = np.zeros_like(before)
        step[row] = 0.05
        slope = (outer(before + step) - outer(before - step)) / 0.1
        assert moved[row].item() == pytest.approx(slope, rel=2e-2, abs=1e-5)


def test_a_loss_of_its_own_that_ignores_weights_is_named(weighting, grouped, vectors):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        return SPARSE(y, y_pred)

    learner = CommentaryLearner(weighting, own({"compute_loss": compute_loss}))
    learner.compile()
    with pytest.raises(ValueError, match="does not use sample weights.*Multiply"):
        learner.fit(grouped, vectors, verbose=0)


def test_it_is_the_outer_loss_inside_fit(weighting, grouped, vectors):
    model = own({"compute_loss": compute_squares})
    learn = LearnCommentaryCallback(weighting, vectors, warmup=0)
    learning = weighting.logits["group"].numpy()
    expected = float(compute_squares(None, None, vectors[1], model(vectors[0])))
    model.optimizer.learning_rate = 1e-9
    history = model.fit(*grouped, batch_size=12, callbacks=[learn], verbose=0).history
    assert history["outer_loss"][0] == pytest.approx(expected, rel=1e-5)
    assert np.abs(weighting.logits["group"].numpy() - learning).max() > 0


def test_weights_by_losses_need_a_compiled_loss(vectors):
    learner = CommentaryLearner(
        LossWeighting(), own({"compute_loss": compute_squares}), inner_steps=1
    )
    learner.compile()
    with pytest.raises(ValueError, match="one output and one loss"):
        learner.fit(vectors, vectors, verbose=0)


def test_a_train_step_of_its_own_is_refused_by_name():
    def train_step(self, data):
        return keras.Sequential.train_step(self, data)

    with pytest.raises(ValueError, match="Own.*own `train_step`.*LearnComm"):
        CommentaryLearner(ExampleWeighting(), own({"train_step": train_step}, SPARSE))
    model = make_linear((5,), 3)
    model.train_step = lambda data: {}
    with pytest.raises(ValueError, match="own `train_step`"):
        CommentaryLearner(ExampleWeighting(), model)


def test_a_model_without_any_loss_is_refused():
    with pytest.raises(ValueError, match="has no loss or optimizer"):
        CommentaryLearner(ExampleWeighting(), own({}))


@pytest.mark.parametrize("number, size", [(50, 50), (700, 512)])
def test_all_checked_examples_are_used(number, size, weighting, vectors):
    x, y = np.repeat(vectors[0], 60, 0)[:number], np.repeat(vectors[1], 60)[:number]
    learn = LearnCommentaryCallback(weighting, (x, y))
    assert len(learn._batch[1]) == size
