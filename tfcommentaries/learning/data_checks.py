"""Checks of a user's data before any long work starts."""

import numpy as np
import tensorflow as tf

#: How many batches of a data set are read; arrays are checked whole.
BATCHES = 16


def check_data(data, commentary, name):
    """Raises if the data cannot be learned from.

    Args:
        data: a batched `tf.data.Dataset`, of which the first batches are read, or
            a tuple of arrays.
        commentary: a `Commentary`, whose `check_batch` is called.
        name: what to call the data in errors.

    Raises:
        ValueError: if values are not finite, or the commentary refuses the data.
    """
    if isinstance(data, tf.data.Dataset):
        for batch in data.take(BATCHES):
            _check(batch, commentary, name)
    else:
        _check(tuple(part for part in data if part is not None), commentary, name)


def _check(batch, commentary, name):
    batch = tf.nest.map_structure(np.asarray, batch)
    for part, values in zip(("inputs", "labels", "sample weights"), batch):
        for array in tf.nest.flatten(values):
            if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
                wrong = array[~np.isfinite(array)]
                raise ValueError(
                    f"The {part} of the {name} data hold {wrong.size} values that "
                    f"are not finite (such as {wrong[0]}). Remove or replace them."
                )
    commentary.check_batch(batch[0], batch[1])
