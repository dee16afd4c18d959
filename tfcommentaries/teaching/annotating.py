"""Annotations of whole data sets."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.typing import Tensors


def annotate(
    commentary: Commentary,
    examples: tuple[Tensors, Tensors],
    progress: Sequence[float],
    batch_size: int = 1024,
) -> np.ndarray:
    """Annotates every example at several points of progress.

    Args:
        commentary: a `Commentary`.
        examples: `(x, y)`, such as `Examples`; x an array or a dict of arrays.
        progress: list of numbers, 0 to 1.
        batch_size: examples annotated at once.

    Returns:
        An array `(len(progress), examples, ...)`.
    """
    x, y = examples

    def one(start, point):
        part = slice(start, start + batch_size)
        inputs = tf.nest.map_structure(lambda array: array[part], x)
        return commentary(inputs, y=y[part], progress=point)

    starts = range(0, len(y), batch_size)
    return np.stack(
        [np.concatenate([one(i, point) for i in starts]) for point in progress]
    )
