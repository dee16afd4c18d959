"""scikit-learn's handwritten digits, which need no download."""

import numpy as np

from tfcommentaries.datasets.splits import Examples, Splits, split


def load_digits(
    validation_size: int = 300, test_size: int = 497, seed: int = 0
) -> Splits:
    """Loads scikit-learn's 1,797 images of handwritten digits, 8x8 pixels.

    Args:
        validation_size: number of validation examples.
        test_size: number of test examples; the rest is training data.
        seed: seed of the split.

    Returns:
        `Splits`, images `(examples, 8, 8, 1)`.

    Reference:
        [UCI Optical Recognition of Handwritten Digits](
            https://archive.ics.uci.edu/dataset/80)
    """
    # An extra, as in `splits`.
    from sklearn import datasets

    digits = datasets.load_digits()
    examples = Examples(
        (digits.images[..., np.newaxis] / 16).astype(np.float32),
        digits.target.astype(np.int32),
    )
    parts = split(examples, validation_size, test_size, seed)
    return Splits(*parts, num_classes=10, name="digits")
