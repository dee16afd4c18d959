"""Eager training is checked like graphs: it never ends untaught."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_student

from tfcommentaries import CommentaryCallback, GroupWeighting, LossWeighting

EAGER = pytest.mark.parametrize("eager", [True, False])


@pytest.fixture
def grouped(vectors):
    x, y = vectors
    source = np.array(["ann", "bob"])[np.arange(12) % 2]
    weighting = GroupWeighting(source)
    weighting.logits["group"].assign([[[-2.0]], [[1.0]]])
    return weighting, weighting.add_groups(x, source), y


def model_with(train_step, eager, loss=None):
    """A compiled student with a train step of its own."""

    class Own(keras.Sequential):
        pass

    Own.train_step = train_step
    model = Own([keras.Input((5,)), keras.layers.Dense(3)])
    loss = loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, run_eagerly=eager)
    return model


def take_step(model, tape, loss):
    gradients = tape.gradient(loss, model.trainable_variables)
    model.optimizer.apply(gradients, model.trainable_variables)
    return {"loss": loss}


@EAGER
def test_a_train_step_that_drops_weights_is_named(grouped, eager):
    def train_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            loss = self.compute_loss(y=y, y_pred=self(x))
        return take_step(self, tape, loss)

    weighting, x, y = grouped
    model = model_with(train_step, eager)
    with pytest.raises(ValueError, match="does not use sample weights"):
        model.fit(x, y, callbacks=[CommentaryCallback(weighting)], verbose=0)


@EAGER
def test_a_train_step_with_a_loss_of_its_own_may_use_weights(grouped, eager):
    def train_step(self, data):
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            losses = keras.losses.sparse_categorical_crossentropy(y, self(x), True)
            loss = tf.reduce_mean(losses * weights)
        return take_step(self, tape, loss)

    weighting, x, y = grouped
    model = model_with(train_step, eager)
    expected = make_copy(model)
    model.fit(x, y, callbacks=[CommentaryCallback(weighting)], verbose=0)
    weights = weighting.teach(x, y)[2].numpy()
    expected.fit(x["x"], y, sample_weight=weights, verbose=0)
    for a, b in zip(model.get_weights(), expected.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def make_copy(model):
    copy = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    copy.compile("sgd", loss)
    copy.set_weights(model.get_weights())
    return copy


@EAGER
def test_a_loss_of_one_number_is_named(grouped, eager):
    def loss(y, outputs):
        return tf.reduce_mean(
            keras.losses.sparse_categorical_crossentropy(y, outputs, True)
        )

    weighting, x, y = grouped
    model = make_student((5,), 3, loss=loss, run_eagerly=eager)
    with pytest.raises(ValueError, match="gives one number for a batch"):
        model.fit(x, y, callbacks=[CommentaryCallback(weighting)], verbose=0)


@EAGER
def test_weights_by_losses_need_compute_loss(vectors, eager):
    def train_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            losses = keras.losses.sparse_categorical_crossentropy(y, self(x), True)
            loss = tf.reduce_mean(losses)
        return take_step(self, tape, loss)

    weighting = LossWeighting()
    weighting(np.zeros(2, "float32"))
    model = model_with(train_step, eager)
    with pytest.raises(ValueError, match="does not call `compute_loss`"):
        model.fit(*vectors, callbacks=[CommentaryCallback(weighting)], verbose=0)


@EAGER
def test_eager_and_traced_training_are_the_same(grouped, eager):
    weighting, x, y = grouped
    model = make_student((5,), 3, run_eagerly=eager)
    expected = make_student((5,), 3)
    expected.set_weights(model.get_weights())
    options = {"batch_size": 4, "shuffle": False, "verbose": 0}
    model.fit(x, y, callbacks=[CommentaryCallback(weighting)], **options)
    weights = weighting.teach(x, y)[2].numpy()
    expected.fit(x["x"], y, sample_weight=weights, **options)
    for a, b in zip(model.get_weights(), expected.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
