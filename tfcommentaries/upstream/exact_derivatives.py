"""Correct second derivatives of TensorFlow's functions."""

import contextlib
import threading

import tensorflow as tf

from tfcommentaries.upstream.max_of_slices import max_of_slices
from tfcommentaries.upstream.private_names import inside_xla

_lock = threading.Lock()
_inside = 0


@contextlib.contextmanager
def exact_derivatives():
    """Context in which students have correct second derivatives, also inside XLA.

    Three functions that Keras's layers and losses call have correct values and first
    derivatives, but gradients of gradients through them are silently wrong:

    - `tf.nn.moments` stops the gradient of the mean inside the variance. That
      gradient is zero, but its derivative is not: batch and group normalisation in
      training mode. Not reported; for first derivatives it is harmless:
      https://github.com/tensorflow/tensorflow/pull/19609
    - `tf.nn.softmax_cross_entropy_with_logits` drops the derivative by the labels of
      the gradient by the logits: learned labels, blended ones too. That by the logits
      alone was mended in https://github.com/tensorflow/tensorflow/pull/7948
    - `tf.nn.max_pool` with strides of 1 and the padding "SAME" has a second derivative
      of zero in graphs: input and output have one shape, and the kernel overwrites
      what it still has to read. Not reported. Inside XLA: see `max_of_slices`.

    Two have none: `tf.image.resize`, where bilinear in 2.21 does not even say so
    (https://github.com/tensorflow/tensorflow/issues/38643), and `tf.nn.softsign`
    (mended after 2.21: https://github.com/tensorflow/tensorflow/pull/126092).
    `tf.nn.silu` leaks memory: see `custom_gradients`. All of this is so in TensorFlow
    2.16 to 2.21.

    Inside this context they are the same functions without these faults. If another
    thread traces a graph meanwhile, it gets the same values and first derivatives as
    usual.
    """
    global _inside
    with _lock:
        _inside += 1
        for module, name, function in _EXACT:
            setattr(module, name, function)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                for module, name, function in _ORIGINALS:
                    setattr(module, name, function)


def _moments(x, axes, shift=None, keepdims=False, name=None):
    """`tf.nn.moments`, twice differentiable."""
    half = x.dtype in (tf.float16, tf.bfloat16)
    mean, variance = _kept_moments(tf.cast(x, tf.float32) if half else x, axes)
    if not keepdims:
        mean, variance = tf.squeeze(mean, axes), tf.squeeze(variance, axes)
    return tf.cast(mean, x.dtype), tf.cast(variance, x.dtype)


def _kept_moments(x, axes):
    """Mean and variance over axes that are kept, with length 1.

    TensorFlow's own gradient of these ops takes twice as many passes over tensors of
    the size of x, and the gradient of that four times as many.
    """

    @tf.custom_gradient
    def moments(x):
        mean = tf.reduce_mean(x, axes, keepdims=True)
        variance = tf.reduce_mean(tf.math.squared_difference(x, mean), axes, True)

        def gradient(by_mean, by_variance):
            if x.shape.is_fully_defined():  # Fewer operations.
                count = x.shape.num_elements() / mean.shape.num_elements()
            else:
                count = tf.cast(tf.size(x) / tf.size(mean), x.dtype)
            slope = 2 * by_variance / count
            return x * slope + (by_mean / count - mean * slope)

        return (mean, variance), gradient

    return moments(x)


def _softmax_cross_entropy(labels, logits, axis=-1, name=None):
    """`tf.nn.softmax_cross_entropy_with_logits`, twice differentiable."""
    labels, dtype = tf.cast(labels, logits.dtype), logits.dtype
    if dtype in (tf.float16, tf.bfloat16):
        labels, logits = tf.cast(labels, tf.float32), tf.cast(logits, tf.float32)
    losses = -tf.reduce_sum(labels * tf.nn.log_softmax(logits, axis), axis)
    return tf.cast(losses, dtype)


def _max_pool(input, ksize, strides, padding, data_format=None, name=None):
    """`tf.nn.max_pool`; half precision goes through float32, with the same maxima."""
    half = input.dtype in (tf.float16, tf.bfloat16)
    x = tf.cast(input, tf.float32) if half else input
    axes = (x.shape.rank or 2) - 2
    size, steps = _of_axes(ksize, axes), _of_axes(strides, axes)
    last = not (data_format or "").startswith("NC")
    known = axes > 0 and None not in x.shape[1:-1] and size and steps
    # TensorFlow's second derivative is zero if no axis gets shorter, and inside XLA it
    # has the precision of bfloat16.
    wrong = set(steps or ()) == {1} or inside_xla()
    if known and last and wrong and isinstance(padding, str):
        found = max_of_slices(x, size, steps, padding.upper())
    else:
        found = _MAX_POOL(x, ksize, strides, padding, data_format, name)
    return tf.cast(found, input.dtype)


def _of_axes(given, axes):
    """A number for each spatial axis, from what TensorFlow takes; `None` for others."""
    numbers = [given] if isinstance(given, int) else list(given)
    if len(numbers) == 1:
        return numbers * axes
    if len(numbers) == axes:
        return numbers
    if len(numbers) == axes + 2 and numbers[0] == numbers[-1] == 1:
        return numbers[1:-1]
    return None


def _resize(images, size, method="bilinear", *args, **kwargs):
    """`tf.image.resize`, which is linear: its gradient's gradient is itself."""

    def plain(images):
        return _RESIZE(images, size, method, *args, **kwargs)

    @tf.custom_gradient
    def resize(images):
        return plain(images), back

    @tf.custom_gradient
    def back(adjoint):
        with tf.GradientTape() as tape:
            # The gradient of a linear function is the same everywhere.
            nowhere = tf.zeros_like(images)
            tape.watch(nowhere)
            resized = plain(nowhere)
        return tape.gradient(resized, nowhere, adjoint), resize

    images = tf.convert_to_tensor(images)
    if not images.dtype.is_floating:
        return plain(images)
    if method != "nearest":
        # As it does itself; some of its gradients only exist for float32.
        images = tf.cast(images, tf.float32)
    return resize(images)


def _silu(features, beta=1.0):
    """`tf.nn.silu` without its custom gradient, which saves memory at first order only.

    TensorFlow keeps graphs with such gradients forever.
    """
    return features * tf.sigmoid(beta * features)


def _softsign(features, name=None):
    """`tf.nn.softsign`, twice differentiable."""
    return features / (1 + tf.abs(features))


_MAX_POOL, _RESIZE = tf.nn.max_pool, tf.image.resize
_EXACT = [
    (tf.nn, "max_pool", _max_pool),
    (tf.nn, "moments", _moments),
    (tf.nn, "silu", _silu),
    (tf.nn, "softmax_cross_entropy_with_logits", _softmax_cross_entropy),
    (tf.nn, "softsign", _softsign),
    (tf.image, "resize", _resize),
]
_ORIGINALS = [(module, name, getattr(module, name)) for module, name, _ in _EXACT]
