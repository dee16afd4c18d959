"""Clean examples as a filter."""

import numpy as np
import pytest
from models import make_student

from tfcommentaries.datasets import Examples, corrupt_labels
from tfcommentaries.teaching import agreeing


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
