"""Integers that must lie in a range and rows of probabilities, checked in the graph."""

import contextlib
from typing import Any

import tensorflow as tf

#: Messages of checks in graphs, whose errors bury them in other text.
MESSAGES: set[str] = set()
#: How far from 1 probabilities may sum to; bfloat16 has two or three digits.
TOLERANCE = 0.02
#: Lists to which `checked_index` adds, the innermost `watching` last.
_watching: list[Any] = []


def checked_index(values, size, message):
    """Flattens integers and checks that they can index `size` entries.

    `tf.one_hot` and, on GPUs, `tf.gather` give zeros for what is out of range, as all
    versions of TensorFlow do on purpose:
    https://github.com/tensorflow/tensorflow/issues/11727 and
    https://github.com/tensorflow/tensorflow/issues/3638

    Args:
        values: integer tensor `(batch,)` or `(batch, 1)`.
        size: number of entries.
        message: what to say if a value is out of range.

    Returns:
        An int32 tensor `(batch,)`.

    Raises:
        tf.errors.InvalidArgumentError: if a value is not in 0 to `size - 1`.
    """
    MESSAGES.add(message)
    values = tf.reshape(tf.cast(values, tf.int32), [-1])
    if not _watching:
        # The text of the error stays in a branch, which a GPU need not hold.
        checks = [
            tf.debugging.assert_less(values, size, message),
            tf.debugging.assert_non_negative(values, message),
        ]
        return _after(checks, values)
    in_range = (values >= 0) & (values < size)
    _watching[-1].append(in_range)
    # One operation, which loads sooner.
    check = tf.debugging.Assert(tf.reduce_all(in_range), [message])
    return tf.clip_by_value(_after([check], values), 0, size - 1)


def checked_when_exported(values, size, message):
    """Like `checked_index` in graphs that are exported; elsewhere costs nothing."""
    return checked_index(values, size, message) if _watching else values


@contextlib.contextmanager
def watching():
    """Context for graphs that other runtimes run without their checks.

    In it `checked_index` also clips.

    Yields:
        A list of boolean tensors that say which integers were in range, `(n,)`.
    """
    _watching.append([])
    try:
        yield _watching[-1]
    finally:
        _watching.pop()


def checked_rows(rows, message):
    """Checks that rows are probabilities.

    Args:
        rows: floats `(batch, ..., classes)`.
        message: what to say if a row has a negative number or does not sum to 1.

    Returns:
        The rows.

    Raises:
        tf.errors.InvalidArgumentError: if they are not.
    """
    MESSAGES.add(message)
    beyond = tf.abs(tf.reduce_sum(rows, -1) - 1)
    checks = [
        tf.debugging.assert_less(beyond, tf.cast(TOLERANCE, rows.dtype), message),
        tf.debugging.assert_non_negative(rows, message),
    ]
    return _after(checks, rows)


def _after(checks, values):
    # Eager checks give None and have already raised.
    with tf.control_dependencies([c for c in checks if c is not None]):
        return tf.identity(values)
