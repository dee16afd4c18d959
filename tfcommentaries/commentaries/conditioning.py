"""How labels and progress reach a teacher."""

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.upstream.index_check import (
    TOLERANCE,
    checked_index,
    checked_rows,
)


def one_hot(y, num_classes, dtype, name):
    """Labels as rows `(batch, num_classes)`.

    Args:
        y: integers `(batch,)` or `(batch, 1)`, or rows of probabilities
            `(batch, num_classes)`, which are only cast.
        num_classes: number of classes.
        dtype: dtype of the result.
        name: name of the caller, for errors.

    Raises:
        ValueError: if there are no labels, or those of several outputs.
        tf.errors.InvalidArgumentError: if a label is out of range, or a row is none of
            probabilities.
    """
    if y is None:
        raise ValueError(
            f"This {name} sees the label (num_classes={num_classes}). Pass `y`."
        )
    _check_one_set(y, num_classes, name)
    y = tf.convert_to_tensor(y)
    if y.shape.rank == 2 and y.shape[-1] == num_classes:
        return rows_of(y, num_classes, dtype, name)
    if y.dtype.is_floating:
        y = tf.where(y == tf.round(y), y, -1)  # Refused below.
    labels = checked_index(
        y,
        num_classes,
        f"{name} was built for {num_classes} classes but got a label outside 0 to "
        f"{num_classes - 1}. Pass a larger `num_classes` or fix the labels.",
    )
    return tf.one_hot(labels, num_classes, dtype=dtype)


def rows_of(y, num_classes, dtype, name):
    """Labels `(batch, ..., num_classes)` cast, and checked to be probabilities."""
    return checked_rows(tf.cast(y, dtype), _no_rows(y.shape, num_classes, name))


def check_rows(y, num_classes, name):
    """Raises a `ValueError` if concrete labels are not rows of probabilities."""
    y = np.asarray(y)
    if (y < 0).any() or (abs(y.sum(-1, dtype="float64") - 1) > TOLERANCE).any():
        raise ValueError(_no_rows(y.shape, num_classes, name))


def _no_rows(shape, num_classes, name):
    return (
        f"{name} takes labels of shape {(None, *shape[1:])} for rows with the "
        f"probabilities of {num_classes} classes, but they do not sum to 1. If they "
        "are classes of steps, or several at once, hide them from the teacher: "
        "`num_classes=None`."
    )


def is_one_tensor(shape):
    """Whether a shape that Keras gives to `build` is that of a single tensor."""
    return not isinstance(shape, dict) and not any(
        isinstance(axis, dict | list | tuple) for axis in shape
    )


def check_channels_last(name):
    """Raises a `ValueError` if Keras is set to images with channels first."""
    if keras.config.image_data_format() == "channels_first":
        raise ValueError(
            f"{name} takes images (batch, height, width, channels), but Keras is set "
            "to 'channels_first'. Call `keras.config.set_image_data_format("
            "'channels_last')`, give images in this order, and begin a student that "
            "needs the other with `keras.layers.Permute((3, 1, 2))`."
        )


def append_channels(x, conditions, dtype):
    """Appends conditions to the last axis of x `(batch, ..., c)`.

    Args:
        x: images or vectors.
        conditions: list of `(batch, n)` or `(batch, ..., n)`.
        dtype: of the result.

    Raises:
        ValueError: if x is not one tensor.
    """
    if is_several(x):
        raise ValueError(
            "A teacher that sees progress or label as channels takes one tensor of "
            f"images or vectors, but x holds {len(x)}. Where the commentary has "
            "`teacher_key=`, give x as a dict and name the entry that it sees."
        )
    if len(x.shape) > 3:
        check_channels_last("A teacher that sees progress or label as channels")
    x = tf.cast(x, dtype)
    shape = tf.shape(x)
    middle = x.shape.rank - 2
    channels = [x]
    for condition in conditions:
        width = condition.shape[-1]
        if condition.shape.rank != x.shape.rank:
            condition = tf.reshape(condition, [-1] + [1] * middle + [width])
        target = tf.concat([shape[:-1], [width]], 0)
        channels.append(tf.broadcast_to(condition, target))
    return tf.concat(channels, -1)


def check_labels(y, num_classes, name):
    """Raises a `ValueError` if concrete labels do not fit.

    Args:
        y: NumPy array or eager tensor, or `None`.
        num_classes: number of classes.
        name: name of the caller, for errors.
    """
    if y is None:
        raise ValueError(
            f"{name} with num_classes={num_classes} needs labels, but the data set "
            "has none."
        )
    _check_one_set(y, num_classes, name)
    shape = np.shape(y)
    if len(shape) == 2 and shape[-1] == num_classes:
        check_rows(y, num_classes, name)
        return
    if len(shape) > 1 and shape[1:] != (1,):
        raise ValueError(
            f"{name} takes integer labels (batch,) or one-hot labels (batch, "
            f"{num_classes}). Received labels of shape {shape}. Pass the right "
            "`num_classes`, or `num_classes=None` if the teacher should not see the "
            "label."
        )
    y = np.asarray(y)
    if np.issubdtype(y.dtype, np.floating) and (between := y[y != np.round(y)]).size:
        raise ValueError(
            f"{name} takes integer labels or rows (batch, {num_classes}), but "
            f"{between.size} labels lie between classes, such as {between[0]:.3g}. "
            "Give smoothed labels as rows of probabilities, or `num_classes=None` if "
            "these are targets of a regression."
        )
    low, high = (int(y.min()), int(y.max())) if y.size else (0, 0)
    if low < 0 or high >= num_classes:
        wrong = high if high >= num_classes else low
        mend = f"num_classes={wrong + 1}" if wrong > 0 else "labels from 0"
        raise ValueError(
            f"{name} was built for {num_classes} classes but got label {wrong}. "
            f"Pass {mend} or fix the labels."
        )


def _check_one_set(y, num_classes, name):
    if is_several(y):
        came = sorted(y) if isinstance(y, dict) else f"{len(y)} of them"
        raise ValueError(
            f"{name} with num_classes={num_classes} takes one array of labels, not "
            f"those of several outputs: {came}. Pass one array; weights of an "
            "ExampleWeighting can instead depend on one of them as an entry of x, "
            "with `num_classes=None` and `student_key=`."
        )


def is_several(tensors):
    """Whether this is more than one tensor; nested lists of numbers are one."""
    if isinstance(tensors, list | tuple):
        return any(len(getattr(part, "shape", ())) > 0 for part in tensors)
    return isinstance(tensors, dict)
