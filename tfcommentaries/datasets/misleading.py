"""Images with a misleading cue that correlates with the label."""

from typing import NamedTuple

import numpy as np

from tfcommentaries.datasets.splits import Examples

#: Fraction of the examples whose cue agrees with the label by chance alone.
BALANCED = 0.1


class Misleading(NamedTuple):
    """Images with an object that determines the label, and a cue that seems to.

    Attributes:
        examples: `Examples`.
        aligned: whether the cue agrees with the label, `(examples,)`.
        relevant: pixels of the object, booleans `(examples, height, width)`.
        distracting: pixels of the cue, likewise.
    """

    examples: Examples
    aligned: np.ndarray
    relevant: np.ndarray
    distracting: np.ndarray


def load_coloured_digits(
    digits: Examples, size: int, agreement: float, seed: int = 0
) -> Misleading:
    """Puts a red and a blue digit side by side; the label is the red digit.

    The side of the red digit is random.

    Args:
        digits: `Examples` of grey images with labels 0 to 9.
        size: number of pairs.
        agreement: fraction of the pairs whose digits have the same class. With
            `BALANCED`, the blue digit carries no information.
        seed: integer.

    Returns:
        `Misleading`, images `(examples, height, 2 * width, 3)`.
    """
    generator = np.random.default_rng(seed)
    labels, aligned, others = _cues(generator, size, agreement)
    reds = _draw(generator, digits, labels)
    blues = _draw(generator, digits, others)
    left = generator.random(size) < 0.5
    height, width = digits.x.shape[1:3]
    x = np.zeros((size, height, 2 * width, 3), np.float32)
    for i in range(size):
        halves = slice(0, width), slice(width, 2 * width)
        mine, its = halves if left[i] else halves[::-1]
        x[i, :, mine, 0] = reds[i, :, :, 0]
        x[i, :, its, 2] = blues[i, :, :, 0]
    return Misleading(Examples(x, labels), aligned, x[..., 0] > 0.2, x[..., 2] > 0.2)


def load_digits_on_scenes(
    digits: Examples, scenes: Examples, size: int, agreement: float, seed: int = 0
) -> Misleading:
    """Puts white digits at random places on photographs.

    Each class of digits mostly appears on one class of photographs, like birds in front
    of land and water.

    Args:
        digits: `Examples` of grey images with labels 0 to 9.
        scenes: `Examples` of colour images, at least as large, with labels 0 to 9.
        size: number of images.
        agreement: fraction of the images whose scene has the class of the digit's
            number. With `BALANCED` the scene carries no information.
        seed: integer.

    Returns:
        `Misleading`, images of the scenes' size; all pixels but the digit's distract.
    """
    generator = np.random.default_rng(seed)
    labels, aligned, others = _cues(generator, size, agreement)
    objects = _draw(generator, digits, labels)
    x = _draw(generator, scenes, others).astype(np.float32)
    height, width = objects.shape[1:3]
    room = x.shape[1] - height + 1, x.shape[2] - width + 1
    if min(room) < 1:
        raise ValueError(
            f"The scenes, {x.shape[1:3]}, must be at least as large as the digits, "
            f"{(height, width)}."
        )
    relevant = np.zeros(x.shape[:3], bool)
    for i in range(size):
        row, column = generator.integers(room[0]), generator.integers(room[1])
        place = i, slice(row, row + height), slice(column, column + width)
        x[place] = x[place] * (1 - objects[i]) + objects[i]
        relevant[place] = objects[i, :, :, 0] > 0.2
    return Misleading(Examples(x, labels), aligned, relevant, ~relevant)


def _cues(generator, size, agreement):
    """Labels, whether cues agree with them, and the classes of the cues."""
    if not 0 <= agreement <= 1:
        raise ValueError(
            f"`agreement` must be from 0 to 1. Received: agreement={agreement}"
        )
    labels = generator.permutation(np.arange(size) % 10).astype(np.int32)
    aligned = generator.random(size) < agreement
    others = (labels + generator.integers(1, 10, size)) % 10
    return labels, aligned, np.where(aligned, labels, others)


def _draw(generator, examples, labels):
    """A random image for each label."""
    rows = [np.flatnonzero(examples.y == label) for label in range(10)]
    if not all(len(index) for index in rows):
        raise ValueError("There must be images of every class from 0 to 9.")
    return examples.x[[generator.choice(rows[label]) for label in labels]]
