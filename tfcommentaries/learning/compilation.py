"""Whether XLA compiles a training."""

import keras
import tensorflow as tf
from absl import logging

#: What XLA makes faster on a CPU, and slower (`docs/gpu.md`).
_FASTER = (
    keras.layers.AdditiveAttention,
    keras.layers.Attention,
    keras.layers.GroupQueryAttention,
    keras.layers.MultiHeadAttention,
)
_SLOWER = tuple(
    value
    for name, value in vars(keras.layers).items()
    if "Conv" in name and isinstance(value, type)
)


def resolve_jit_compile(asked, student, commentary, strategy):
    """Decides for everything that an outer step runs.

    Args:
        asked: `True`, `False` or `"auto"`: on one GPU as Keras does, unless a layer is
            known not to compile. On a CPU only if a layer is attention, the sizes of
            all inputs are known and nothing convolves: small dense networks gain less
            than compiling takes, and convolutions become slower (`docs/gpu.md`).
        student: the `keras.Model` that an outer step trains.
        commentary: the `Commentary`, or `None`.
        strategy: the `tf.distribute.Strategy` of the learner.

    Returns:
        `True` or `False`.

    Raises:
        ValueError: if `asked` is `True` and a layer is known not to compile.
    """
    parts = [student] if commentary is None else [student, commentary]
    layers = [layer for part in parts for layer in part._flatten_layers()]
    unable = [
        layer
        for layer in layers
        # In recurrent layers only cuDNN does not compile, and students do not use it.
        if not (getattr(layer, "supports_jit", True) or hasattr(layer, "use_cudnn"))
    ]
    if asked == "auto":
        if unable or any(map(_fails_unsaid, layers)):
            return False
        if strategy.num_replicas_in_sync > 1:
            return False
        if tf.config.list_physical_devices("GPU"):
            return True
        pays = (
            any(isinstance(layer, _FASTER) for layer in layers)
            and not any(isinstance(layer, _SLOWER) for layer in layers)
            and _takes_one_shape(student)
        )
        if pays:
            logging.info("XLA compiles outer steps; `jit_compile=False` prevents it.")
        return pays
    if asked and unable:
        raise ValueError(
            "XLA cannot compile "
            + ", ".join(f"{u.name!r} ({type(u).__name__})" for u in unable)
            + ". Pass `jit_compile=False`, or do their work in the input pipeline."
        )
    return bool(asked)


def _fails_unsaid(layer):
    """Whether XLA lacks what a layer or its derivative needs, and Keras trusts it."""
    if isinstance(layer, keras.layers.Resizing):
        return layer.interpolation != "bilinear" or layer.antialias
    if isinstance(layer, keras.layers.UpSampling2D):
        return layer.interpolation not in ("nearest", "bilinear")
    # The oldest Keras has no such layer.
    return isinstance(layer, getattr(keras.layers, "RandomElasticTransform", ()))


def _takes_one_shape(model):
    """Whether a model says that all of its inputs have one shape, but for the batch.

    XLA compiles again for each other one.
    """
    try:
        inputs = keras.tree.flatten(model.inputs)
    except (AttributeError, ValueError):  # A subclass, or not built.
        return False
    return all(None not in tensor.shape[1:] for tensor in inputs)
