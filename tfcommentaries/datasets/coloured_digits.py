"""Pairs of digits of which one tells the label and the other seems to."""

from typing import NamedTuple

import numpy as np

from tfcommentaries.datasets.splits import Examples

#: Part of the pairs whose digits are alike where that is left to chance.
BALANCED = 0.1


class ColouredDigits(NamedTuple):
    """Images with a red and a blue digit side by side; the red one is the label.

    Attributes:
        examples: `Examples`, images `(examples, height, 2 * width, 3)`.
        aligned: whether the blue digit is like the red one, `(examples,)`.
        red: where the red digit's half is, booleans
            `(examples, height, 2 * width)`.
    """

    examples: Examples
    aligned: np.ndarray
    red: np.ndarray


def load_coloured_digits(digits, size, agreement, seed=0):
    """Pairs images of digits; the side of the red one is random.

    Args:
        digits: `Examples` of grey images with labels 0 to 9.
        size: number of pairs.
        agreement: part of the pairs whose blue digit is of the red one's class;
            the others' is of another class. `BALANCED` tells nothing.
        seed: integer.

    Returns:
        `ColouredDigits`.
    """
    if not 0 <= agreement <= 1:
        raise ValueError(
            f"`agreement` must be from 0 to 1. Received: agreement={agreement}"
        )
    generator = np.random.default_rng(seed)
    by_class = [np.flatnonzero(digits.y == label) for label in range(10)]
    if not all(len(index) for index in by_class):
        raise ValueError("`digits` must hold images of every class from 0 to 9.")
    labels = generator.permutation(np.arange(size) % 10).astype(np.int32)
    aligned = generator.random(size) < agreement
    other = (labels + generator.integers(1, 10, size)) % 10
    left = generator.random(size) < 0.5
    height, width = digits.x.shape[1:3]
    x = np.zeros((size, height, 2 * width, 3), np.float32)
    red = np.zeros((size, height, 2 * width), bool)
    halves = slice(0, width), slice(width, 2 * width)
    for i in range(size):
        blue_label = labels[i] if aligned[i] else other[i]
        mine, its = halves if left[i] else halves[::-1]
        x[i, :, mine, 0] = digits.x[generator.choice(by_class[labels[i]]), :, :, 0]
        x[i, :, its, 2] = digits.x[generator.choice(by_class[blue_label]), :, :, 0]
        red[i, :, mine] = True
    return ColouredDigits(Examples(x, labels), aligned, red)
