"""Max-pools with steps of 1 whose derivatives of all orders are right."""

import tensorflow as tf


def max_of_slices(x, size, padding):
    """A max-pool with steps of 1, as maxima of shifted slices, one axis at a time.

    Values and first derivatives are those of `tf.nn.max_pool`: of several maxima the
    first counts.

    Args:
        x: `(batch, ..., channels)`, of known length in between.
        size: of windows, a number for each axis between batch and channels.
        padding: `"SAME"` or `"VALID"`.

    Returns:
        The pool, `(batch, ..., channels)`.
    """
    # From the last axis, so that the first of several is as in TensorFlow's order.
    for axis in reversed(range(1, x.shape.rank - 1)):
        window = size[axis - 1]
        if padding == "SAME":
            pads = [(0, 0)] * x.shape.rank
            pads[axis] = (window - 1) // 2, window // 2
            x = tf.pad(x, pads, constant_values=x.dtype.min)
        output = x.shape[axis] - window + 1
        found = None
        for begin in range(window):
            part = x[(slice(None),) * axis + (slice(begin, begin + output),)]
            found = part if found is None else tf.maximum(found, part)
        x = found
    return x
