"""Types in the signatures of the public API.

Keras and TensorFlow ship no types. A name below says what an argument is where Python
cannot say it, or where a precise type would reject what Keras accepts.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypedDict

import keras
from numpy.typing import ArrayLike
from typing_extensions import Self, Unpack

__all__ = [
    "ArrayLike",
    "Batch",
    "CompileOptions",
    "Config",
    "Data",
    "FitOptions",
    "LayerOptions",
    "Logs",
    "NameOptions",
    "Optimizer",
    "Path",
    "Self",
    "Shapes",
    "Tensors",
    "Unpack",
]

#: An array or tensor, or a dict, list or tuple of such, as Keras passes x and y around.
Tensors: TypeAlias = Any
#: A batch `(x, y)` or `(x, y, sample_weight)`.
Batch: TypeAlias = tuple[Tensors, ...]
#: A shape, or a dict, list or tuple of shapes, as Keras passes them to `build`.
Shapes: TypeAlias = Any
#: Examples as `keras.Model.fit` takes them: a batched `tf.data.Dataset`, a `PyDataset`,
#: a generator, or arrays `(x, y)` or `(x, y, sample_weight)`.
Data: TypeAlias = Any
#: A local path, or for TensorFlow's file systems a text such as `gs://...`.
Path: TypeAlias = str | os.PathLike[str]
#: What `get_config` gives and `from_config` takes.
Config: TypeAlias = dict[str, Any]
#: What Keras hands to callbacks.
Logs: TypeAlias = Mapping[str, Any] | None
#: A Keras optimizer, its name, or `None` for a default.
Optimizer: TypeAlias = keras.optimizers.Optimizer | str | None


class NameOptions(TypedDict, total=False):
    """Further arguments of a `keras.layers.Layer` that itself takes `dtype`."""

    name: str | None
    trainable: bool


class LayerOptions(NameOptions, total=False):
    """Further arguments of `keras.layers.Layer` and `keras.Model`."""

    dtype: Any  # A name or a `keras.DTypePolicy`, which mypy takes for anything.


class CompileOptions(TypedDict, total=False):
    """Further arguments of `keras.Model.compile`."""

    loss_weights: Any  # A list or a dict by outputs.
    weighted_metrics: Any  # Likewise, of metrics.
    run_eagerly: bool
    steps_per_execution: int
    jit_compile: bool | str
    auto_scale_loss: bool


class FitOptions(TypedDict, total=False):
    """Further arguments of `keras.Model.fit`."""

    epochs: int
    initial_epoch: int
    steps_per_epoch: int | None
    callbacks: Sequence[keras.callbacks.Callback] | None
    verbose: int | str
