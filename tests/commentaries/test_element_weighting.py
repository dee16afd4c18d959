"""Weights for each step or pixel."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries import (
    CommentaryCallback,
    CommentaryLearner,
    Composition,
    ElementWeighting,
    GroupWeighting,
    SavedCommentary,
    UnrolledTraining,
    export_commentary,
    insights,
    teach,
    teachers,
)
from tfcommentaries.datasets import Examples
from tfcommentaries.students import FunctionalStudent

#: As many steps as examples or classes, where the one may be taken for the other.
SHAPES = [(5,), (3,), (5, 5), (4, 2)]


def problem(steps, form="integers"):
    """`(make_model, x, y, weighting)`; the weighting is no longer even."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(5, *steps, 4)).astype("float32")
    y = generator.integers(0, 3, (5, *steps))

    def make_model():
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((*steps, 4)), keras.layers.Dense(3)])
        kind = "Categorical" if form == "rows" else "SparseCategorical"
        loss = getattr(keras.losses, f"{kind}Crossentropy")(from_logits=True)
        model.compile("sgd", loss)
        return model

    weighting = ElementWeighting(num_classes=3)
    forms = {
        "integers": y,
        "column": y[..., None],
        "rows": np.eye(3, dtype="float32")[y],
    }
    weighting(x, y, progress=0.0)
    shake(weighting)
    return make_model, x, forms[form], weighting


def shake(weighting):
    generator = np.random.default_rng(1)
    for variable in weighting.trainable_variables:
        variable.assign(variable + generator.normal(0, 0.5, variable.shape))


@pytest.mark.parametrize("form", ["integers", "column", "rows"])
@pytest.mark.parametrize("steps", SHAPES)
def test_taught_as_if_each_element_were_weighted(steps, form):
    make_model, x, y, weighting = problem(steps, form)
    weights = np.asarray(weighting(x, y))
    assert weights.shape == (5, *steps)
    assert weights.std() > 0.1
    expected = make_model()
    each = weights / weights.mean()
    expected.fit(x, y, sample_weight=each, batch_size=5, shuffle=False, verbose=0)
    model = make_model()
    callback = CommentaryCallback(weighting)
    model.fit(x, y, batch_size=5, shuffle=False, callbacks=[callback], verbose=0)
    check_same(model, expected)
    model = make_model()
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(5)
    model.fit(teach(data, weighting), shuffle=False, verbose=0)
    check_same(model, expected)


@pytest.mark.parametrize("for_each", [False, True])
def test_padding_does_not_count(for_each):
    """The user's weights of zero leave steps out of the mean, or whole examples."""
    _, x, y, weighting = problem((4,))
    own = np.ones((5, 4) if for_each else 5, "float32")
    own[2:, ...] = 0
    own[0, ...] = 0.5
    _, _, taught = weighting.teach(x, y, own, 0.0)
    weights = np.asarray(weighting(x, y))
    factor = own if for_each else own[:, None]
    np.testing.assert_allclose(taught, factor * weights / weights[:2].mean(), rtol=1e-5)


def check_same(model, expected):
    for found, right in zip(model.get_weights(), expected.get_weights()):
        np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-7)


def test_composed_with_weights_of_groups():
    _, x, y, weighting = problem((4,))
    groups = GroupWeighting(["a", "b", "a", "b", "a"])
    groups.logits["group"].assign([[[2.0]], [[-3.0]]])
    both = Composition([groups, weighting])
    x = both.add_groups(x, ["a", "b", "a", "b", "a"])
    _, _, taught = both.teach(x, y, None, 0.0)
    _, _, first = groups.teach(x, y)
    _, _, second = weighting.teach(x["x"], y, None, 0.0)
    np.testing.assert_allclose(taught, first * second, rtol=1e-5)


def test_hypergradient_equals_finite_differences(float64):
    make_model, x, y, _ = problem((3, 2))
    weighting = ElementWeighting(num_classes=3, curriculum=True, dtype="float64")
    x = x.astype("float64")
    weighting(x, y, progress=0.0)
    shake(weighting)
    student = FunctionalStudent(make_model())
    student.build(x, y)
    layer = UnrolledTraining().bind(weighting, student)
    batches = np.stack([x, x[::-1], x]), np.stack([y, y[::-1], y])
    batches = tuple(map(tf.convert_to_tensor, batches))
    progress = tf.constant([0.0, 1 / 3, 2 / 3])
    phi = [tf.convert_to_tensor(v) for v in weighting.trainable_variables]

    def outer_loss(phi):
        weights = layer(phi, student.weights, batches, progress)
        return student.loss(weights, x, y, training=False)[0]

    with tf.GradientTape() as tape:
        tape.watch(phi)
        loss = outer_loss(phi)
    found = tape.gradient(loss, phi)
    generator = np.random.default_rng(2)
    direction = [generator.normal(size=p.shape) for p in phi]
    step = 1e-5
    up, down = (
        outer_loss([p + sign * step * d for p, d in zip(phi, direction)])
        for sign in (1, -1)
    )
    expected = (up - down) / (2 * step)
    slope = sum(tf.reduce_sum(g * d) for g, d in zip(found, direction))
    assert abs(slope) > 1e-6
    np.testing.assert_allclose(slope, expected, rtol=1e-6)


def test_learns_which_pixels_are_wrong():
    """Pixels at the border of the image have the wrong class."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(64, 6, 6, 2)).astype("float32")
    x[..., 1] = 0  # Tells where the border is.
    x[:, [0, -1], :, 1] = x[:, :, [0, -1], 1] = 1
    right = (x[..., 0] > 0).astype("int32")
    border = x[0, ..., 1] == 1
    y = np.where(border, 1 - right, right)
    model = keras.Sequential([keras.Input((6, 6, 2)), keras.layers.Dense(2)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.05), loss)
    weighting = ElementWeighting()
    learner = CommentaryLearner(weighting, model, inner_steps=5)
    learner.compile(keras.optimizers.Adam(0.03), metrics=["accuracy"])
    learner.fit((x, y), (x[:8], right[:8]), batch_size=16, epochs=3, verbose=0)
    weights = np.asarray(weighting(x))
    assert weights[:, border].mean() < 0.3 * weights[:, ~border].mean()


def test_words_reach_a_teacher_in_a_dict():
    inputs = {
        "x": keras.Input((None,), dtype="int32"),
        "label": keras.Input((None, 3)),
    }
    words = keras.layers.Embedding(10, 4)(inputs["x"])
    seen = keras.layers.Concatenate()([words, inputs["label"]])
    teacher = keras.Model(inputs, keras.layers.Dense(1)(seen))
    weighting = ElementWeighting(teacher, num_classes=3, conditioning="dict")
    words = np.arange(14).reshape(2, 7) % 10
    weights = weighting(words, np.arange(14).reshape(2, 7) % 3)
    assert weights.shape == (2, 7)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros(5, int), "for each step or pixel"),
        (np.full((5, 4), 3), "got label 3"),
        (np.zeros((5, 2), int), r"as channels.*\(5, 4, 4\), labels for \(5, 2\)"),
        (None, "needs labels"),
        ([np.zeros((5, 4)), np.zeros((5, 4))], "several outputs"),
    ],
)
def test_refuses_labels_that_do_not_fit(y, message):
    _, x, _, weighting = problem((4,))
    with pytest.raises(ValueError, match=message):
        weighting.check_batch(x, y)


def test_refuses_a_loss_that_is_none_of_steps():
    _, x, _, weighting = problem((4,))
    model = keras.Sequential(
        [keras.Input((4, 4)), keras.layers.Dense(1), keras.layers.Flatten()]
    )
    model.compile("sgd", "mse")
    weighting = ElementWeighting()
    y = np.zeros((5, 4), "float32")
    with pytest.raises(ValueError, match=r"losses of shape \(5,\).*\(5, 4\)"):
        learner = CommentaryLearner(weighting, model, inner_steps=1)
        learner.compile()
        learner.fit((x, y), (x, y), batch_size=5, verbose=0)
    with pytest.raises(ValueError, match="targets of a regression"):
        model.fit(x, y, callbacks=[CommentaryCallback(weighting)], verbose=0)


def test_default_teacher_wants_channels():
    with pytest.raises(ValueError, match="has a default teacher for inputs"):
        ElementWeighting()(np.zeros((5, 4), "float32"))


@pytest.mark.parametrize("steps", [(5,), (4, 4)])
def test_exported_and_drawn(tmp_path, steps):
    _, x, y, weighting = problem(steps)
    export_commentary(weighting, tmp_path / "it")
    saved = SavedCommentary(tmp_path / "it")
    np.testing.assert_allclose(saved(x, y), weighting(x, y), rtol=1e-5)
    _, _, taught = saved.teach(x, y)
    np.testing.assert_allclose(taught, weighting.teach(x, y)[2], rtol=1e-5)
    assert saved(x[:0], y[:0]).shape == (0, *steps)
    x3 = np.abs(x[..., :3])
    weighting = ElementWeighting(teachers.convolutions((*steps, 3)))
    found = insights.views(weighting, Examples(x3, y))
    names = [view.name for view in found]
    assert names == (["weights", "pixels"] if len(steps) == 2 else ["weights"])
