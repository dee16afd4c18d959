"""How weights of examples reach a student."""

import tensorflow as tf


def weigh(annotation, sample_weight=None, normalize="batch_mean", y=None):
    """Sample weights of a batch from its annotation.

    Args:
        annotation: learned weights, `(batch,)`.
        sample_weight: weights that the user already has, `(batch,)`, `(batch, 1)`, or
            for each step or pixel `(batch, ...)`; or `None`.
        normalize: `"batch_mean"` divides the learned weights by their mean over the
            batch; `None` does not.
        y: labels, which tell whether there is a loss for each step or pixel.

    Returns:
        The product: `(batch,)`; where labels have steps or pixels, with axes for these,
        of size 1 unless the user's weights have them. Keras takes `(batch,)` for
        `(steps,)` there.
    """
    weights = annotation
    if normalize == "batch_mean":
        weights = tf.math.divide_no_nan(weights, tf.reduce_mean(weights))
    axes = _axes_of_losses(y)
    if sample_weight is not None:
        sample_weight = tf.cast(sample_weight, weights.dtype)
        if sample_weight.shape.rank > 1 and (axes or sample_weight.shape[-1] != 1):
            return _with_axes(weights, sample_weight.shape.rank - 1) * sample_weight
        weights *= tf.reshape(sample_weight, [-1])
    return _with_axes(weights, axes)


def _axes_of_losses(y):
    """How many axes losses have beside that of the batch."""
    if y is None or tf.nest.is_nested(y):
        return 0
    y = tf.convert_to_tensor(y)
    if not y.shape.rank:
        return 0
    classes_last = y.dtype.is_floating or y.shape[-1] == 1
    return max(0, y.shape.rank - 1 - classes_last)


def _with_axes(weights, axes):
    return tf.reshape(weights, [-1] + [1] * axes) if axes else weights


def check_normalize(normalize):
    """Raises a `ValueError` where `normalize` is nothing that `weigh` knows."""
    if normalize not in ("batch_mean", None):
        raise ValueError(
            f"`normalize` must be 'batch_mean' or None. Received: {normalize!r}"
        )
