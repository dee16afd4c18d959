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
    mean, variance = _kept_moments(tf.cast(x, tf.float32) if half else x, axes)
    if not keepdims:
        mean, variance = tf.squeeze(mean, axes), tf.squeeze(variance, axes)
    return tf.cast(mean, x.dtype), tf.cast(variance, x.dtype)


def _kept_moments(x, axes):
    """Mean and variance over axes that are kept, with length 1.

    The gradient that TensorFlow would make of these ops takes twice as many passes
    over tensors of the size of x, and theirs four times as many.
    """

    @tf.custom_gradient
    def moments(x):
        mean = tf.reduce_mean(x, axes, keepdims=True)
        variance = tf.reduce_mean(tf.math.squared_difference(x, mean), axes, True)

        def gradient(by_mean, by_variance):
            count = tf.cast(tf.size(x) / tf.size(mean), x.dtype)
            slope = 2 * by_variance / count
            return x * slope + (by_mean / count - mean * slope)

        return (mean, variance), gradient

    return moments(x)
