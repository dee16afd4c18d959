"""Max-pools with correct derivatives of all orders, also inside XLA."""

import numpy as np
import tensorflow as tf


def max_of_slices(x, size, steps, padding):
    """A max-pool as maxima of shifted slices, one axis at a time.

    Inside XLA the second derivative of `tf.nn.max_pool` has the precision of bfloat16,
    and compiles in float32 alone. TensorFlow 2.16 to 2.21, not reported; the kernel
    came with https://github.com/tensorflow/tensorflow/pull/6664

    Values and first derivatives are those of `tf.nn.max_pool`: the first of several
    equal maxima counts.

    Args:
        x: `(batch, ..., channels)`, of known length in between.
        size: size of the windows, a number for each axis between batch and channels.
        steps: strides of the windows, likewise.
        padding: `"SAME"` or `"VALID"`.

    Returns:
        The maxima, `(batch, ..., channels)`.
    """
    # From the last axis, so that the first of equal maxima is TensorFlow's.
    for axis in reversed(range(1, x.shape.rank - 1)):
        window, step = size[axis - 1], steps[axis - 1]
        length = x.shape[axis]
        if padding == "SAME":
            output = -(-length // step)
            beyond = max(0, (output - 1) * step + window - length)
            x = _pad(x, axis, beyond // 2, beyond - beyond // 2)
        else:
            output = (length - window) // step + 1
        found = None
        for begin in range(window):
            places = slice(begin, begin + (output - 1) * step + 1, step)
            part = x[(slice(None),) * axis + (places,)]
            found = part if found is None else tf.maximum(found, part)
        x = found
    return x


def _pad(x, axis, before, after):
    """Pads with the lowest number of the dtype.

    Uses the gradient of a slice, since that of `tf.pad` has no gradient inside XLA.
    """
    if before + after == 0:
        return x
    length, rank = x.shape[axis], x.shape.rank
    shape = tf.concat(
        [tf.shape(x)[:axis], [length + before + after], tf.shape(x)[axis + 1 :]], 0
    )
    others = 2**rank - 1 - 2**axis
    padded = tf.raw_ops.StridedSliceGrad(
        shape=shape,
        begin=[before if i == axis else 0 for i in range(rank)],
        end=[before + length if i == axis else 0 for i in range(rank)],
        strides=[1] * rank,
        dy=x,
        begin_mask=others,
        end_mask=others,
    )
    added = np.zeros(length + before + after, x.dtype.as_numpy_dtype)
    added[:before] = added[before + length :] = x.dtype.min
    return padded + tf.reshape(added, [-1 if i == axis else 1 for i in range(rank)])
