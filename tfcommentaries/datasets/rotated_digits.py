"""The paper's synthetic problem: images of the digit 1, classified by their angle."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfcommentaries.datasets.splits import Examples, Splits

#: Range of angles of the two classes, degrees.
ANGLES = {"separated": ((-60, -15), (15, 60)), "overlapping": ((-60, 20), (-20, 60))}


class RotatedDigits(NamedTuple):
    """Two classes of rotated digits.

    Attributes:
        train: `Examples`.
        validation: `Examples` of other digits.
        test: `Examples` of other digits again.
        angles: rotation in degrees of each training, validation and test
            example, a tuple of three arrays. The boundary is at 0.
        kind: `"separated"` or `"overlapping"`.
    """

    train: Examples
    validation: Examples
    test: Examples
    angles: tuple
    kind: str


def load_rotated_digits(
    splits: Splits,
    kind: str,
    sizes: Sequence[int] = (2000, 500, 1000),
    digit: int = 1,
    size: int = 28,
    seed: int = 0,
) -> RotatedDigits:
    """Rotates images of one digit; the class is the range of the angle.

    In the overlapping set, angles within 20 degrees of upright are equally frequent in
    both classes; in the separated set, no angle is within 15 degrees.

    Args:
        splits: `Splits` of digit images, such as `load_digits` or MNIST. Images stay in
            their split.
        kind: `"separated"` or `"overlapping"`.
        sizes: numbers of training, validation and test examples.
        digit: which digit to rotate.
        size: height and width to scale the images to before rotation, pixels.
        seed: integer.

    Returns:
        `RotatedDigits`, images `(examples, size, size, 1)`.
    """
    # Comes with scikit-learn, an extra.
    from scipy import ndimage

    if kind not in ANGLES:
        raise ValueError(f"`kind` must be one of {sorted(ANGLES)}. Received: {kind!r}")
    generator = np.random.default_rng(seed)
    parts, part_angles = [], []
    for examples, count in zip(splits[:3], sizes):
        images = examples.x[examples.y == digit, :, :, 0]
        if not len(images):
            raise ValueError(f"{splits.name} has no image of the digit {digit}.")
        labels = np.arange(count) % 2
        low, high = np.array(ANGLES[kind])[labels].T
        angles = generator.uniform(low, high)
        chosen = generator.integers(0, len(images), count)
        zoom = size / images.shape[1]
        x = np.stack(
            [
                ndimage.rotate(
                    ndimage.zoom(images[i], zoom, order=1),
                    angle,
                    reshape=False,
                    order=1,
                )
                for i, angle in zip(chosen, angles)
            ]
        )
        x = np.clip(x, 0, 1)[..., np.newaxis].astype(np.float32)
        parts.append(Examples(x, labels.astype(np.int32)))
        part_angles.append(angles)
    train, validation, test = parts
    return RotatedDigits(train, validation, test, tuple(part_angles), kind)
