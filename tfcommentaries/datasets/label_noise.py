"""Wrong labels, made on purpose."""

import numpy as np


def corrupt_labels(
    y: np.ndarray, fraction: float, num_classes: int, seed: int, kind: str = "random"
) -> tuple[np.ndarray, np.ndarray]:
    """Replaces some of the labels by wrong ones.

    Args:
        y: integer labels `(examples,)`.
        fraction: share of the examples to relabel, 0 to 1.
        num_classes: number of classes.
        seed: integer.
        kind: `"random"`: a label drawn uniformly from all classes, which is right by
            chance once in `num_classes`. `"pair"`: the label of the next class, as if
            annotators mistook one class for another. Such mistakes have a pattern,
            which students learn.

    Returns:
        `(labels, corrupted)`: the new labels, and booleans that mark the wrong ones.

    Raises:
        ValueError: if `fraction` or `kind` is not one of the above.

    Reference:
        [Han et al., Co-teaching, for both kinds](https://arxiv.org/abs/1804.06872)
    """
    if not 0 <= fraction <= 1:
        raise ValueError(
            f"`fraction` must be from 0 to 1. Received: fraction={fraction}"
        )
    if kind not in ("random", "pair"):
        raise ValueError(f"`kind` must be 'random' or 'pair'. Received: kind={kind!r}")
    generator = np.random.default_rng(seed)
    index = generator.permutation(len(y))[: round(fraction * len(y))]
    labels = y.copy()
    if kind == "random":
        labels[index] = generator.integers(0, num_classes, len(index))
    else:
        labels[index] = (labels[index] + 1) % num_classes
    return labels, labels != y
