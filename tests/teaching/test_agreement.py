"""Clean examples as a filter."""

import keras
import numpy as np
import pytest
from models import make_student

from tfcommentaries.datasets import Examples, corrupt_labels
from tfcommentaries.teaching import (
    agreeing,
    agreement_rates,
    cross_agreeing,
    trusted,
)


def test_right_labels_are_kept_and_wrong_ones_are_not(digits):
    labels, wrong = corrupt_labels(digits.train.y, 0.45, 10, seed=0, kind="pair")
    noisy = Examples(digits.train.x, labels)
    arguments = make_student, digits.validation, noisy, 100, 32
    kept = agreeing(*arguments, seed=1)
    assert kept.shape == wrong.shape and kept.dtype == bool
    assert kept[~wrong].mean() > 0.8
    assert kept[wrong].mean() < 0.1
    column = Examples(noisy.x, noisy.y[:, None])
    arguments = make_student, digits.validation, column, 100, 32
    np.testing.assert_array_equal(kept, agreeing(*arguments, seed=1))


def test_no_clean_examples_are_named(digits):
    nothing = Examples(digits.train.x[:0], digits.train.y[:0])
    with pytest.raises(ValueError, match="at least one clean example"):
        agreeing(make_student, nothing, digits.train, 1, 32)


def test_labels_that_are_no_integers_are_named(digits):
    one_hot = Examples(digits.train.x, np.eye(10)[digits.train.y])
    with pytest.raises(ValueError, match="one integer for each example"):
        agreeing(make_student, digits.validation, one_hot, 1, 32)


def own(y_true, y_pred):
    """A user's own loss, which knows by itself that it gets logits."""
    return keras.losses.binary_crossentropy(y_true, y_pred, from_logits=True)


def two_classes(loss, activation=None):
    """A function that makes a student whose output is its input, or a share of it."""

    def make():
        dense = keras.layers.Dense(1, activation, kernel_initializer="ones")
        model = keras.Sequential([keras.Input((1,)), dense])
        model.compile(keras.optimizers.SGD(0.0), loss)
        return model

    return make


LOGITS = np.float32([[-2.0], [-0.1], [0.1], [0.3], [1.0], [2.0]])


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (two_classes(keras.losses.BinaryCrossentropy(from_logits=True)), {}),
        (two_classes(keras.losses.BinaryFocalCrossentropy(from_logits=True)), {}),
        (two_classes("binary_crossentropy", "sigmoid"), {}),
        (two_classes("mse", "sigmoid"), {}),
        (two_classes("hinge"), {}),
        (two_classes(lambda y, p: keras.ops.mean((y - p) ** 2, -1), "sigmoid"), {}),
        (two_classes(own), {"threshold": 0.0}),
        (two_classes(own, keras.ops.tanh), {"threshold": 0.0}),
    ],
)
def test_two_classes_with_one_output(make, options):
    examples = LOGITS, (LOGITS[:, 0] > 0).astype(int)
    kept = agreeing(make, examples, examples, 1, 4, **options)
    assert kept.all()
    # Where all labels are of the second class, those with positive logits agree.
    kept = agreeing(make, examples, (LOGITS, np.ones(6, int)), 1, 4, **options)
    np.testing.assert_array_equal(kept, LOGITS[:, 0] > 0)


def test_numbers_between_two_labels_are_split_in_the_middle():
    examples = LOGITS, np.ones(6, int)
    kept = agreeing(two_classes("mse"), examples, examples, 1, 4)
    np.testing.assert_array_equal(kept, LOGITS[:, 0] > 0.5)


def test_what_only_the_users_own_loss_knows_is_asked_for():
    examples = LOGITS, np.ones(6, int)
    with pytest.raises(ValueError, match=r"Pass `threshold=0.0` if it is a logit"):
        agreeing(two_classes(own), examples, examples, 1, 4)


def test_students_of_the_other_half_find_bad_sources(digits):
    x, y = digits.train
    source = np.arange(len(y)) % 4
    wrong = np.random.default_rng(0).integers(0, 10, len(y))
    examples = Examples(x, np.where(source == 3, wrong, y))
    kept = cross_agreeing(make_student, examples, 100, 32)
    rates = agreement_rates(kept, source)
    assert trusted(rates, 0.8) == [0, 1, 2] and rates[3] < 0.3
    # No student has seen what it judges: it would know wrong labels by heart.
    few = Examples(x[:40], wrong[:40])
    assert cross_agreeing(make_student, few, 200, 32).mean() < 0.4
