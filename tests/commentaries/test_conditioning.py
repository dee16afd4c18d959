"""How labels and progress reach teachers."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from kinds import KINDS, SITES, make

from tfcommentaries import (
    CommentaryCallback,
    ElementWeighting,
    ExampleWeighting,
    SavedCommentary,
    SoftLabels,
    export_commentary,
)
from tfcommentaries.commentaries.weights import weigh

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
#: The classes of three steps, of which there are three.
STEPS = np.array([[0, 1, 2], [2, 2, 0], [1, 0, 0], [1, 1, 1]])
#: Kinds that can see the label of an example; a mask or a weight of steps is another.
OF_LABELS = [
    name
    for name, kind in KINDS.items()
    if "num_classes" in inspect.signature(kind).parameters
    and "elements" not in kind.needs
]


def of_labels(name):
    """A commentary of three classes, and inputs for it."""
    commentary = make(name)
    x = commentary.add_groups(X, SITES[:4]) if "groups" in commentary.needs else X
    return commentary, x


@pytest.mark.parametrize("name", OF_LABELS)
@pytest.mark.parametrize("dtype", ["int64", "uint8", "float32"])
def test_classes_of_as_many_steps_as_classes_are_no_probabilities(name, dtype):
    commentary, x = of_labels(name)
    steps = STEPS.astype(dtype)
    with pytest.raises(ValueError, match="do not sum to 1"):
        commentary.check_batch(x, steps)
    for wrong in steps, (np.eye(3, dtype="float32")[STEPS[:, 0]] * 2 - 1 / 3):
        with pytest.raises(tf.errors.InvalidArgumentError, match="do not sum to 1"):
            commentary(x, y=wrong)
        traced = tf.function(lambda y: commentary(x, y=y))
        with pytest.raises(tf.errors.InvalidArgumentError, match="do not sum to 1"):
            traced(tf.constant(wrong))


@pytest.mark.parametrize("name", OF_LABELS)
@pytest.mark.parametrize("dtype", ["int64", "uint8", "float32", "bool", "bfloat16"])
def test_one_hot_rows_of_any_dtype_are_classes(name, dtype):
    commentary, x = of_labels(name)
    classes = STEPS[:, 0]
    rows = tf.cast(tf.one_hot(classes, 3), dtype)
    commentary.check_batch(x, rows.numpy())
    np.testing.assert_array_equal(commentary(x, y=rows), commentary(x, y=classes))


def test_classes_of_pixels_in_floats_are_no_probabilities():
    weighting = ElementWeighting(num_classes=3)
    x = np.zeros((4, 2, 3, 1), "float32")
    floats = np.stack([STEPS, STEPS], 1).astype("float32")
    with pytest.raises(ValueError, match="do not sum to 1"):
        weighting.check_batch(x, floats)
    with pytest.raises(tf.errors.InvalidArgumentError, match="do not sum to 1"):
        weighting(x, y=floats)
    weighting.check_batch(x, floats.astype("int64"))
    assert weighting(x, y=floats.astype("int64")).shape == (4, 2, 3)


@pytest.mark.parametrize("size", [0, 3])
def test_rows_of_probabilities_are_served_even_empty_batches(size, tmp_path):
    labels, rows = SoftLabels(3), np.eye(3, dtype="float32")
    expected = labels(X[:3], y=rows)
    export_commentary(labels, str(tmp_path / "labels"))
    found = SavedCommentary(str(tmp_path / "labels"))(X[:size], y=rows[:size])
    np.testing.assert_allclose(found, expected[:size])


def test_errors_are_short():
    with pytest.raises(ValueError) as error:
        ExampleWeighting(num_classes=3).check_batch(X, STEPS)
    assert len(str(error.value)) <= 400


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        ("CategoricalCrossentropy", np.eye(3, dtype="int64")[[0, 1, 2, 0]]),
        ("BinaryCrossentropy", np.eye(3, dtype="int64")[[0, 1, 2, 0]]),
        ("SparseCategoricalCrossentropy", STEPS),
    ],
)
def test_weights_are_kerass_for_integers_in_rows_and_for_steps(loss, y):
    steps = loss.startswith("Sparse")
    shape = (4, 3, 3) if steps else (4, 3)
    outputs = tf.random.stateless_normal(shape, [0, 1])
    loss = getattr(keras.losses, loss)(from_logits=True)
    weights = tf.constant([0.5, 1.0, 2.0, 0.5])
    each = [float(loss(y[i : i + 1], outputs[i : i + 1])) for i in range(4)]
    found = loss(y, outputs, weigh(weights, None, None, y))
    np.testing.assert_allclose(found, np.mean(weights * each), rtol=1e-5)


def test_fit_names_labels_that_are_no_rows():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    model.compile("sgd", "mse")
    callback = CommentaryCallback(ExampleWeighting(num_classes=3))
    with pytest.raises(tf.errors.InvalidArgumentError, match="^ExampleWeighting takes"):
        model.fit(X, STEPS.astype("float32"), verbose=0, callbacks=[callback])
