"""Loss scaling for gradients of gradients."""

import tensorflow as tf


class AdjointScaling:
    """Keeps the adjoints inside a function within the range of float16.

    A gradient that arrives at the outputs of a function is scaled to a given size,
    and scaled back where it leaves at the inputs; in between, it is linear. Values do
    not change. `enter` and `leave` must be in one graph.

    Example:

    >>> scaling = AdjointScaling(1024.0)
    >>> inputs = scaling.enter(inputs)
    >>> outputs = scaling.leave(function_in_float16(inputs))

    Args:
        magnitude: largest absolute value of an adjoint of the outputs, scaled.
    """

    def __init__(self, magnitude):
        self.magnitude = magnitude
        self._scale = None

    def enter(self, inputs):
        """Gives the same tensors; gradients that leave here are scaled back."""

        def gradient(*upstream):
            return [u / tf.cast(self._scale, u.dtype) for u in upstream]

        return _identity(inputs, gradient)

    def leave(self, outputs):
        """Gives the same tensors; gradients that arrive here are scaled."""

        def gradient(*upstream):
            sizes = [tf.reduce_max(tf.abs(tf.cast(u, tf.float32))) for u in upstream]
            largest = tf.reduce_max(sizes)
            self._scale = tf.where(largest > 0, self.magnitude / largest, 1.0)
            return [u * tf.cast(self._scale, u.dtype) for u in upstream]

        return _identity(outputs, gradient)


def _identity(structure, gradient):
    """The identity on a structure of tensors, with a gradient for its floats."""

    @tf.custom_gradient
    def identity(*tensors):
        return tuple(tf.identity(t) for t in tensors), gradient

    tensors = tf.nest.flatten(structure)
    floats = [t for t in tensors if t.dtype.is_floating]
    passed = iter(identity(*floats))
    tensors = [next(passed) if t.dtype.is_floating else t for t in tensors]
    return tf.nest.pack_sequence_as(structure, tensors)
