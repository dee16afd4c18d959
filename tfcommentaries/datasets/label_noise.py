"""Wrong labels, made on purpose."""

import numpy as np


def corrupt_labels(y, fraction, num_classes, seed):
    """Gives part of the examples a label drawn uniformly from all classes.

    Args:
        y: integer labels `(examples,)`.
        fraction: part of the examples to relabel, 0 to 1.
        num_classes: number of classes.
        seed: integer.

    Returns:
        `(labels, corrupted)`: the new labels, and which of them are wrong now
        (a random label is right by chance once in `num_classes`).
    """
    if not 0 <= fraction <= 1:
        raise ValueError(
            f"`fraction` must be from 0 to 1. Received: fraction={fraction}"
        )
    generator = np.random.default_rng(seed)
    index = generator.permutation(len(y))[: round(fraction * len(y))]
    labels = y.copy()
    labels[index] = generator.integers(0, num_classes, len(index))
    return labels, labels != y
