"""Max-pools as maxima of slices give what TensorFlow gives."""

import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries.upstream.max_of_slices import max_of_slices


def pooled(function, x):
    """Values, and the gradient of a sum with other factors everywhere."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
        factors = tf.reshape(tf.range(tf.size(y, out_type=tf.int32)), tf.shape(y))
        total = tf.reduce_sum(y * tf.sin(tf.cast(factors, tf.float32)))
    return y, tape.gradient(total, x)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("length", [5, 8])
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_equals_the_pool_of_tensorflow(length, size, step, padding):
    # Rounded, so that several are the largest.
    x = np.random.default_rng(0).normal(size=(2, length, length + 1, 3)).round(1)
    x = tf.constant(x, tf.float32)
    expected = pooled(lambda x: tf.nn.max_pool2d(x, size, step, padding), x)
    found = pooled(lambda x: max_of_slices(x, [size] * 2, [step] * 2, padding), x)
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
