"""Recurrent layers whose second derivative exists on a GPU."""

import contextlib


@contextlib.contextmanager
def without_cudnn(model):
    """Context in which a model's recurrent layers run without cuDNN.

    cuDNN's kernels have no second derivative. TensorFlow 2.16 to 2.21:
    https://github.com/tensorflow/tensorflow/issues/37091

    Args:
        model: a `keras.Model`.
    """
    layers = model._flatten_layers()
    before = {la: la.use_cudnn for la in layers if hasattr(la, "use_cudnn")}
    for layer in before:
        layer.use_cudnn = False
    try:
        yield
    finally:
        for layer, value in before.items():
            layer.use_cudnn = value
