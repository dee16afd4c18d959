"""Second derivatives of normalisation layers that are right."""

import contextlib

import tensorflow as tf


@contextlib.contextmanager
def exact_moments():
    """Lets Keras's normalisation layers have second derivatives that are right.

    `tf.nn.moments` stops the gradient of the mean inside the variance. That
    gradient is zero, so values and first derivatives are the same without the
    stop; but its derivative is not zero, and every gradient of a gradient
    through batch or group normalisation in training mode is silently wrong.

    Inside this context `tf.nn.moments` is the same function without the stop.
    Should another thread trace a graph meanwhile, it gets the same values and
    first derivatives as ever.
    """
    original = tf.nn.moments
    tf.nn.moments = _moments
    try:
        yield
    finally:
        tf.nn.moments = original


def _moments(x, axes, shift=None, keepdims=False, name=None):
    """`tf.nn.moments`, twice differentiable."""
    half = x.dtype in (tf.float16, tf.bfloat16)
    values = tf.cast(x, tf.float32) if half else x
    mean = tf.reduce_mean(values, axes, keepdims=True)
    variance = tf.reduce_mean(tf.math.squared_difference(values, mean), axes, True)
    if not keepdims:
        mean, variance = tf.squeeze(mean, axes), tf.squeeze(variance, axes)
    return tf.cast(mean, x.dtype), tf.cast(variance, x.dtype)
