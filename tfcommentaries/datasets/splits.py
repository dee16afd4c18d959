"""Data sets in memory, split for learning, choosing and testing."""

from typing import NamedTuple

import numpy as np


class Examples(NamedTuple):
    """Inputs with labels.

    Attributes:
        x: float32 `(examples, ...)`; images `(examples, height, width, channels)`, from
            0 to 1.
        y: int32 classes, or float32 numbers to predict, `(examples,)`.
    """

    x: np.ndarray
    y: np.ndarray


class Splits(NamedTuple):
    """Three sets without common examples.

    Attributes:
        train: examples that students train on.
        validation: examples of the outer loss.
        test: examples for neither learning nor choosing settings.
        num_classes: number of classes; labels are 0 to `num_classes - 1`. `None` if
            labels are numbers to predict.
        name: name of the data set.
    """

    train: Examples
    validation: Examples
    test: Examples
    num_classes: int | None
    name: str


def split(
    examples: Examples, validation_size: int, test_size: int, seed: int
) -> tuple[Examples, Examples, Examples]:
    """Splits examples at random, with the same share of each class if there are any.

    Args:
        examples: `Examples`.
        validation_size: number of validation examples.
        test_size: number of test examples; 0 gives an empty test set.
        seed: integer.

    Returns:
        `(train, validation, test)`.

    Raises:
        ValueError: if no training example would be left.
    """
    # scikit-learn is an extra: the core does without it.
    from sklearn.model_selection import train_test_split

    total = len(examples.y)
    if validation_size < 1 or validation_size + test_size >= total:
        raise ValueError(
            f"Cannot split {total} examples into {validation_size} for validation, "
            f"{test_size} for test and at least one for training. Choose smaller "
            "sizes, with at least one validation example."
        )
    index = np.arange(total)
    parts = {"test": index[:0]}
    are_classes = examples.y.dtype.kind in "iu"
    for name, size in (("test", test_size), ("validation", validation_size)):
        if size:
            # Fewer examples than classes cannot have some of each.
            y = examples.y[index]
            each = are_classes and size >= len(np.unique(y))
            index, parts[name] = train_test_split(
                index,
                test_size=size,
                random_state=seed,
                stratify=y if each else None,
            )
    train, validation, test = (
        Examples(examples.x[i], examples.y[i])
        for i in (index, parts["validation"], parts["test"])
    )
    return train, validation, test
