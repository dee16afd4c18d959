"""Faults of TensorFlow and Keras that `tfcommentaries.upstream` works around.

A failure here is good news: the fault named is gone from the installed version. Once it
is gone from all supported versions, delete the file that works around it.
"""

import contextlib
import gc
import os
import pathlib
import platform
import subprocess
import sys
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import ops

from tfcommentaries import upstream
from tfcommentaries.upstream.exact_derivatives import exact_derivatives
from tfcommentaries.upstream.graph_rewrites import chosen_rewrites
from tfcommentaries.upstream.private_names import inside_xla

ROOM = pathlib.Path(upstream.__file__).parent


def second(function, x):
    """The derivative of the gradient of a sum of squares, along a third of x."""
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(function(x) ** 2)
        slope = tape.gradient(total, x)
    return outer.gradient(slope, x, x / 3)


def images(*shape):
    return tf.constant(np.random.default_rng(0).normal(size=shape), tf.float32)


def test_exact_derivatives_of_moments():
    x = tf.constant([[1.0, 2.0, 4.0]])

    def found():
        return second(lambda x: tf.sqrt(tf.nn.moments(x, [1])[1]), x)

    # The sum of squares is the variance.
    expected = 2 / 3 * (x - tf.reduce_mean(x)) / 3
    assert not np.allclose(found(), expected, atol=0.1)
    with exact_derivatives():
        np.testing.assert_allclose(found(), expected, atol=1e-6)


def test_exact_derivatives_of_cross_entropy_by_labels():
    labels, logits = tf.constant([[0.2, 0.3, 0.5]]), tf.constant([[1.0, 2.0, 4.0]])

    def found():
        with tf.GradientTape() as outer:
            outer.watch(labels)
            with tf.GradientTape() as tape:
                tape.watch(logits)
                loss = tf.nn.softmax_cross_entropy_with_logits(labels, logits)
            slope = tape.gradient(loss, logits)[0, 0]
        return outer.gradient(slope, labels)

    assert not np.any(found())
    with exact_derivatives():
        assert np.any(found())


def test_exact_derivatives_of_pools_in_graphs():
    def found(x):
        return second(lambda x: tf.nn.max_pool2d(x, 2, 1, "SAME"), x)

    x = images(1, 4, 4, 1)
    assert not np.allclose(tf.function(found)(x), found(x), atol=0.1)


@pytest.mark.parametrize("method", ["nearest", "bicubic", "lanczos3", "area"])
def test_exact_derivatives_of_resizing(method):
    with pytest.raises(LookupError):
        second(lambda x: tf.image.resize(x, [7, 7], method), images(1, 4, 4, 1))


def test_exact_derivatives_of_bilinear_resizing():
    def found():
        with contextlib.suppress(LookupError):
            return second(lambda x: tf.image.resize(x, [7, 7]), images(1, 4, 4, 1))

    assert found() is None  # Silently in TensorFlow 2.21.
    with exact_derivatives():
        assert np.any(found())


def test_exact_derivatives_of_softsign():
    with pytest.raises(LookupError):
        second(tf.nn.softsign, images(3))


def test_max_of_slices():
    def found(x):
        return second(lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID"), x)

    compiled = tf.function(found, jit_compile=True)
    # The largest two are one number in bfloat16.
    x = tf.reshape([1.0, 1.001, 0.5, 0.2], [1, 2, 2, 1])
    assert not np.allclose(compiled(x), found(x), rtol=1e-4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="MaxPoolGradGrad"):
        compiled(tf.cast(x, tf.float64))


def test_custom_gradients():
    before = set(ops.gradient_registry._registry)
    tf.function(tf.nn.silu).get_concrete_function(tf.zeros([3]))
    gc.collect()
    left = set(ops.gradient_registry._registry) - before
    assert left
    for name in left:
        del ops.gradient_registry._registry[name]


@pytest.mark.parametrize("mended", [False, True])
def test_graph_rewrites(mended):
    variables = [tf.Variable(tf.ones([8_000_000])) for _ in range(2)]

    def body(step, a, b):
        with tf.GradientTape() as outer:
            outer.watch([a, b])
            with tf.GradientTape() as tape:
                tape.watch([a, b])
                total = tf.reduce_sum(tf.sin(a) * tf.cos(b) + 0.1 * a * a + a * b * b)
            slopes = tape.gradient(total, [a, b])
            total = tf.reduce_sum(slopes[0] ** 3) + tf.reduce_sum(slopes[1] ** 3)
        slopes = outer.gradient(total, [a, b])
        return step + 1, a - 0.01 * slopes[0], b - 0.01 * slopes[1]

    @tf.function(autograph=False)
    def loop(a, b):
        return tf.while_loop(lambda step, a, b: step < 2, body, (0, a, b))[1:]

    @tf.function(autograph=False)
    def gradient():
        with tf.GradientTape() as tape:
            a, b = loop(*variables)
            total = tf.reduce_sum(a * b)
        return tape.gradient(total, variables)

    if mended:
        with chosen_rewrites(types.SimpleNamespace(variables=variables)):
            gradient(), gradient()
    else:
        with pytest.raises(tf.errors.AlreadyExistsError):
            gradient(), gradient()


def test_plain_errors():
    @tf.function
    def checked(x):
        tf.debugging.assert_less(x, 3, "Too large.")
        return x

    with pytest.raises(tf.errors.InvalidArgumentError) as raised:
        checked(tf.constant([7]))
    assert len(str(raised.value)) > 100
    layer = keras.layers.Resizing(2, 2, "bicubic", name="smaller")
    with pytest.raises(LookupError) as raised:
        second(layer, images(1, 4, 4, 1))
    assert "smaller" not in str(raised.value)


def test_index_check():
    assert not np.any(tf.one_hot(7, 3))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="oneDNN is on by default")
def test_empty_batches():
    code = (
        "import tensorflow as tf\n"
        "filters = tf.zeros([3, 3, 1, 4])\n"
        "print(tf.nn.conv2d(tf.zeros([0, 8, 8, 1]), filters, 1, 'SAME').shape)"
    )
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1"}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, text=True, stdout=subprocess.PIPE
    )
    assert found.stdout.strip() == "(0, 8, 8, 1)"


def test_cudnn():
    with pytest.raises(LookupError):
        ops.gradient_registry.lookup("CudnnRNNBackpropV3")


def test_private_names():
    assert not hasattr(keras.models, "Functional")
    assert not hasattr(keras.losses, "LossFunctionWrapper")
    weight, optimizer = keras.Variable([1.0]), keras.optimizers.SGD()
    optimizer.build([weight])
    with pytest.raises(ValueError, match="not supported with the TensorFlow backend"):
        optimizer.stateless_apply(optimizer.variables, [tf.ones([1])], [weight])
    seen = []
    for compiles in (False, True):
        traced = tf.function(lambda: seen.append(inside_xla()), jit_compile=compiles)
        traced.get_concrete_function()
    assert seen == [False, True]


def test_every_file_has_a_canary():
    tests = [name for name in globals() if name.startswith("test_")]
    for file in ROOM.glob("[a-z]*.py"):
        assert any(test.startswith(f"test_{file.stem}") for test in tests), file
