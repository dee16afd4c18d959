"""Whether XLA compiles a training."""

import tensorflow as tf


def resolve_jit_compile(asked, layers, strategy):
    """Decides as Keras does, for everything that an outer step runs.

    Args:
        asked: `True`, `False` or `"auto"`: on one GPU, unless a layer is known not to
            compile. On a CPU small networks gain less than compiling takes, and
            convolutions become slower (`docs/gpu.md`).
        layers: the models and layers that an outer step runs.
        strategy: the `tf.distribute.Strategy` of the learner.

    Returns:
        `True` or `False`.

    Raises:
        ValueError: if `asked` is `True` and a layer is known not to compile.
    """
    unable = [
        layer
        for model in layers
        for layer in model._flatten_layers()
        # In recurrent layers only cuDNN does not compile, and students do not use it.
        if not (getattr(layer, "supports_jit", True) or hasattr(layer, "use_cudnn"))
    ]
    if asked == "auto":
        alone = strategy.num_replicas_in_sync == 1
        return bool(tf.config.list_physical_devices("GPU")) and alone and not unable
    if asked and unable:
        raise ValueError(
            "XLA cannot compile "
            + ", ".join(f"{u.name!r} ({type(u).__name__})" for u in unable)
            + ". Pass `jit_compile=False`, or do their work in the input pipeline."
        )
    return bool(asked)
