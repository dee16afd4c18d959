"""Checks of a user's data before any long work starts."""

import numpy as np
import tensorflow as tf

#: Values of an array that are looked at together.
_VALUES = 2**22


def check_batch(batch, commentary, name):
    """Raises if a batch cannot be learned from.

    Args:
        batch: `(x, y)` or `(x, y, sample_weight)`, arrays or eager tensors, with
            inputs as `Commentary.prepare` gives them.
        commentary: a `Commentary`, whose `check_batch` is called.
        name: what to call the data in errors.

    Raises:
        ValueError: if values are not finite, or the commentary refuses the batch.
    """
    batch = tf.nest.map_structure(np.asarray, batch)
    for part, values in zip(("inputs", "labels", "sample weights"), batch):
        for array in tf.nest.flatten(values):
            if not np.issubdtype(array.dtype, np.floating):
                continue
            wrong = [piece[~np.isfinite(piece)] for piece in slices(array)]
            wrong = np.concatenate([*wrong, np.empty(0, array.dtype)])
            if wrong.size:
                raise ValueError(
                    f"The {part} of the {name} data hold {wrong.size} values that "
                    f"are not finite (such as {wrong[0]}). Remove or replace them."
                )
    commentary.check_batch(batch[0], batch[1])


def slices(array):
    """Yields an array in parts along its first axis, so that work on it stays small."""
    rows = max(1, _VALUES * len(array) // max(1, array.size))
    for start in range(0, len(array), rows):
        yield array[start : start + rows]
