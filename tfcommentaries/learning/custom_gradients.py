"""Keeps TensorFlow from holding every learner for ever."""

import contextlib

from tensorflow.python.framework import ops


@contextlib.contextmanager
def forgotten_custom_gradients():
    """Functions that are traced within leave nothing in TensorFlow's register.

    Each `tf.custom_gradient` in a graph is registered by name for the rest of the
    process, with its graph and all that it refers to: about 17 MB a learner. There is
    no public way to take it out again. A gradient that is taken within needs it; a
    function that is traced within, and differentiated by a tape outside, does not work.
    """
    registered = ops.gradient_registry._registry
    before = set(registered)
    try:
        yield
    finally:
        for name in set(registered) - before:
            if name.startswith("CustomGradient-"):
                del registered[name]
