"""Weights reach examples, whatever the rank of the loss."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries import (
    CommentaryCallback,
    CommentaryLearner,
    GroupWeighting,
    teach,
)

GROUPS = np.array(["a", "b", "a", "b", "a"])
#: As many steps as examples, where Keras takes the one for the other, and others.
SHAPES = [(5,), (7,), (5, 5), (3, 2)]


def problem(steps, one_hot=False):
    """`(make_model, x, y, weighting, weights)`: labels for each step or pixel."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(5, *steps, 4)).astype("float32")
    y = generator.integers(0, 3, (5, *steps))

    def make_model():
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((*steps, 4)), keras.layers.Dense(3)])
        kind = "CategoricalCrossentropy" if one_hot else "SparseCategoricalCrossentropy"
        model.compile("sgd", getattr(keras.losses, kind)(from_logits=True))
        return model

    weighting = GroupWeighting(GROUPS)
    weighting.logits["group"].assign([[[2.0]], [[-3.0]]])
    weights = np.asarray(weighting(weighting.add_groups(x, GROUPS)))
    y = np.eye(3, dtype="float32")[y] if one_hot else y
    return make_model, x, y, weighting, weights / weights.mean()


@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("steps", SHAPES)
def test_taught_as_if_each_example_were_weighted(steps, given, one_hot):
    make_model, x, y, weighting, weights = problem(steps, one_hot)
    own = np.random.default_rng(1).uniform(size=(5, *steps)).astype("float32")
    own = own if given else np.ones_like(own)
    expected = make_model()
    each = own * weights.reshape(-1, *[1] * len(steps))
    expected.fit(x, y, sample_weight=each, batch_size=5, shuffle=False, verbose=0)
    grouped = weighting.add_groups(x, GROUPS)
    model = make_model()
    model.fit(
        grouped,
        y,
        sample_weight=own if given else None,
        batch_size=5,
        shuffle=False,
        callbacks=[CommentaryCallback(weighting)],
        verbose=0,
    )
    check_same(model, expected)
    parts = (grouped, y, own) if given else (grouped, y)
    data = tf.data.Dataset.from_tensor_slices(parts).batch(5)
    model = make_model()
    model.fit(teach(data, weighting), shuffle=False, verbose=0)
    check_same(model, expected)


def check_same(model, expected):
    for found, right in zip(model.get_weights(), expected.get_weights()):
        np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-7)


def test_groups_are_learned_from_losses_of_steps():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(40, 5, 4)).astype("float32")
    right = (x[..., 0] > 0).astype("int32")
    groups = np.array(["good", "bad"] * 20)
    y = np.where((groups == "bad")[:, None], 1 - right, right)
    model = keras.Sequential([keras.Input((5, 4)), keras.layers.Dense(2)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.05), loss)
    weighting = GroupWeighting(groups)
    learner = CommentaryLearner(weighting, model, inner_steps=5)
    learner.compile()
    checked = x[:10], right[:10]
    learner.fit(
        (weighting.add_groups(x, groups), y),
        checked,
        batch_size=10,
        epochs=2,
        verbose=0,
    )
    assert weighting.table().trusted() == ["good"]
