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


def test_masked_steps_and_batches_of_several_lengths():
    generator = np.random.default_rng(0)
    batches = []
    for steps in (5, 3, 7):
        words = generator.integers(1, 9, (5, steps))
        words[1:3, -1] = 0  # Padding, which Keras masks.
        batches.append((words, generator.integers(0, 3, (5, steps))))

    def make_model():
        keras.utils.set_random_seed(0)
        layers = keras.layers
        embedding = layers.Embedding(9, 4, mask_zero=True)
        model = keras.Sequential(
            [embedding, layers.GRU(3, return_sequences=True), layers.Dense(3)]
        )
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(True))
        return model

    *_, weighting, weights = problem((1,))
    taught, expected = make_model(), make_model()
    callback = CommentaryCallback(weighting)
    signature = tuple(tf.TensorSpec([None, None], tf.int64) for _ in range(2))
    data = tf.data.Dataset.from_generator(
        lambda: iter(batches), output_signature=signature
    )
    taught.fit(
        data.map(lambda x, y: (weighting.add_groups(x, GROUPS), y)),
        callbacks=[callback],
        verbose=0,
    )
    each = tf.constant(weights)[:, None]
    expected.fit(data.map(lambda x, y: (x, y, each * tf.ones(tf.shape(y)))), verbose=0)
    check_same(taught, expected)


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
    learner = CommentaryLearner(weighting, model, inner_steps=20)
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


OUTPUTS = {"whole": (5,), "steps": (5, 4), "pixels": (5, 4, 3)}


def several_outputs(form):
    """A model with a class for each example, step and pixel; labels, weights."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4, 3, 2))
    pool = keras.layers.GlobalAveragePooling2D()(inputs)
    steps = keras.layers.Reshape((4, 6))(inputs)
    outputs = {
        "whole": keras.layers.Dense(3, name="whole")(pool),
        "steps": keras.layers.Dense(3, name="steps")(steps),
        "pixels": keras.layers.Dense(3, name="pixels")(inputs),
    }
    generator = np.random.default_rng(0)
    y = {name: generator.integers(0, 3, shape) for name, shape in OUTPUTS.items()}
    own = {
        name: generator.uniform(size=shape).astype("float32")
        for name, shape in OUTPUTS.items()
    }
    loss = {
        name: keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        for name in OUTPUTS
    }
    if form == "list":
        outputs, y, own, loss = (list(d.values()) for d in (outputs, y, own, loss))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", loss)
    return model, y, own


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("form", ["dict", "list"])
def test_several_outputs_with_losses_of_different_rank(form, given):
    x = np.random.default_rng(1).normal(size=(5, 4, 3, 2)).astype("float32")
    *_, weighting, weights = problem((1,))
    expected, y, own = several_outputs(form)
    each = tf.nest.map_structure(
        lambda w: (
            (w if given else np.ones_like(w)) * weights.reshape(-1, *[1] * (w.ndim - 1))
        ),
        own,
    )
    expected.fit(x, y, sample_weight=each, batch_size=5, shuffle=False, verbose=0)
    model, _, _ = several_outputs(form)
    model.fit(
        weighting.add_groups(x, GROUPS),
        y,
        sample_weight=own if given else None,
        batch_size=5,
        shuffle=False,
        callbacks=[CommentaryCallback(weighting)],
        verbose=0,
    )
    check_same(model, expected)


def test_several_outputs_with_one_loss():
    inputs = keras.Input((4,))
    outputs = [keras.layers.Dense(1)(inputs) for _ in range(2)]
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mse")
    x, y = np.ones((5, 4), "float32"), np.ones((5, 1), "float32")
    *_, weighting, weights = problem((1,))
    expected = keras.models.clone_model(model)
    expected.compile("sgd", "mse")
    expected.set_weights(model.get_weights())
    expected.fit(x, [y, y], sample_weight=[weights, weights], verbose=0)
    grouped = weighting.add_groups(x, GROUPS)
    callback = CommentaryCallback(weighting)
    model.fit(grouped, [y, y], callbacks=[callback], verbose=0)
    check_same(model, expected)
    learner = CommentaryLearner(weighting, model, inner_steps=1)
    learner.compile()
    learner.fit((grouped, [y, y]), (x, [y, y]), batch_size=5, verbose=0)


def test_several_outputs_with_losses_of_different_rank_are_learned_from():
    x = np.random.default_rng(1).normal(size=(5, 4, 3, 2)).astype("float32")
    *_, weighting, _ = problem((1,))
    model, y, _ = several_outputs("dict")
    before = weighting.logits["group"].numpy()
    learner = CommentaryLearner(weighting, model, inner_steps=2)
    learner.compile()
    learner.fit(
        (weighting.add_groups(x, GROUPS), y),
        (x, y),
        batch_size=5,
        steps_per_epoch=1,
        verbose=0,
    )
    assert not np.array_equal(before, weighting.logits["group"].numpy())
