"""Keeps TensorFlow from holding on to every learner forever."""

import contextlib
import threading

from tensorflow.python.framework import ops

#: Modules whose gradients are only used where they are traced. Every step of a Keras
#: optimizer registers one of the second, for replicas.
_OURS = "tfcommentaries.", "tensorflow.python.distribute."
_lock = threading.Lock()
_fits = 0
_before: frozenset[str] = frozenset()


@contextlib.contextmanager
def forgotten_custom_gradients():
    """Context in which traced functions of this package leave nothing registered.

    Each `tf.custom_gradient` in a graph is registered by name for the rest of the
    process, with its graph and all that it refers to: about 17 MB per learner. There is
    no public way to remove it. Gradients that are taken inside need it, in other
    threads too, so the last thread to leave cleans up. What others register stays,
    since they may need it.

    TensorFlow 2.16 to 2.21: https://github.com/tensorflow/tensorflow/issues/27492 and
    https://github.com/tensorflow/tensorflow/issues/97697
    """
    global _fits, _before
    registered = ops.gradient_registry._registry
    with _lock:
        if not _fits:
            _before = frozenset(registered)
        _fits += 1
    try:
        yield
    finally:
        with _lock:
            _fits -= 1
            if not _fits:
                for name in set(registered) - _before:
                    if _is_ours(registered[name]["type"]):
                        del registered[name]


def _is_ours(function):
    """Whether a registered function belongs to a gradient that `fit` made."""
    module = getattr(function, "__module__", None) or ""
    if module.startswith(_OURS):
        return True
    # TensorFlow's wrappers hold it in their closures.
    cells = getattr(function, "__closure__", None) or ()
    return module.endswith("custom_gradient") and any(
        _is_ours(cell.cell_contents) for cell in cells if callable(cell.cell_contents)
    )
