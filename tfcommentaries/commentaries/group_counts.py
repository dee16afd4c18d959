"""What learning has read of each group."""

import numpy as np
import tensorflow as tf


def label_powers(y, index):
    """What is summed over the examples of each group.

    Args:
        y: labels, of any kind.
        index: integers, as many as there are examples.

    Returns:
        float64 `(examples, 3)`: one, the class, and its square.
    """
    one, labels = tf.ones_like(index, "float64"), _classes(y)
    # Numbers that are no classes count as two different ones.
    columns = (one, one, 0 * one) if labels is None else (one, labels, labels**2)
    return tf.stack(columns, 1)


def only_classes(sums):
    """The class of all examples of each group; `None` if there are several, or none.

    Args:
        sums: of `label_powers`, `(groups, 3)`.

    Returns:
        An array of objects.
    """
    number, labels, squares = sums.T
    found = (labels / np.maximum(number, 1)).astype(int).astype(object)
    found[(number == 0) | (number * squares != labels**2)] = None
    return found


def _classes(y):
    """Labels as a float64 vector; `None` if they are not one class per example."""
    if tf.nest.is_nested(y):
        return None
    y = tf.convert_to_tensor(y)
    if y.shape.rank == 2 and y.shape[-1] > 1 and y.dtype.is_floating:
        y = tf.argmax(y, -1)
    if y.dtype.is_floating or (y.shape.rank != 1 and y.shape[1:] != (1,)):
        return None
    return tf.cast(tf.reshape(y, [-1]), "float64")
