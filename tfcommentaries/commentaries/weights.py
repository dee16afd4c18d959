"""How weights of examples reach a student."""

import tensorflow as tf


def weigh(annotation, sample_weight=None, normalize="batch_mean"):
    """Sample weights of a batch from its annotation.

    Args:
        annotation: learned weights, `(batch,)`.
        sample_weight: weights that the user already has, `(batch,)` or `(batch, 1)`, or
            `None`.
        normalize: `"batch_mean"` divides the learned weights by their mean over the
            batch; `None` does not.

    Returns:
        The product, `(batch,)`.
    """
    weights = annotation
    if normalize == "batch_mean":
        weights = tf.math.divide_no_nan(weights, tf.reduce_mean(weights))
    if sample_weight is not None:
        weights *= tf.reshape(tf.cast(sample_weight, weights.dtype), [-1])
    return weights


def check_normalize(normalize):
    """Raises a `ValueError` where `normalize` is nothing that `weigh` knows."""
    if normalize not in ("batch_mean", None):
        raise ValueError(
            f"`normalize` must be 'batch_mean' or None. Received: {normalize!r}"
        )
