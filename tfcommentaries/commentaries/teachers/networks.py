"""Networks that give logits: weights, proportions, distributions."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from tfcommentaries.commentaries.conditioning import check_channels_last


def default(
    input_shape: Sequence[int], dtype: Any = "float32", outputs: int = 1
) -> keras.Model:
    """Makes a small teacher that fits the inputs.

    Args:
        input_shape: shape of what the teacher sees, batch axis first:
            `(batch, height, width, channels)` gives `cbr`, everything else `mlp`.
        dtype: dtype or policy, whatever the global policy is.
        outputs: number of logits.

    Returns:
        A built `keras.Model` to `(batch, outputs)`.
    """
    if len(input_shape) == 4:
        return cbr(input_shape[1:], outputs, dtype=dtype)
    return mlp(input_shape[1:], outputs, dtype=dtype)


def cbr(
    input_shape: Sequence[int],
    outputs: int = 1,
    filters: Sequence[int] = (32, 64),
    dtype: Any = "float32",
) -> keras.Model:
    """The paper's two-block convolutional network.

    Each block is a convolution with stride 2 (5x5, then 3x3), normalisation, ReLU and,
    for images larger than 16 pixels, a 3x3 max-pool with stride 2. Each example is
    normalised alone, instead of the paper's batch normalisation (see the package's
    docstring).

    Args:
        input_shape: `(height, width, channels)`, conditions included.
        outputs: number of logits.
        filters: number of filters of each block.
        dtype: dtype or policy, whatever the global policy is.

    Returns:
        A built `keras.Model` from `(batch, height, width, channels)` to
        `(batch, outputs)`. The last layer starts at zero, so that learning
        starts from equal weights.
    """
    check_channels_last("teachers.cbr")
    x = inputs = keras.Input(input_shape, dtype=dtype)
    for kernel_size, width in zip((5,) + (3,) * len(filters), filters):
        x = layers.Conv2D(
            width,
            kernel_size,
            strides=2,
            padding="same",
            use_bias=False,
            dtype=dtype,
        )(x)
        x = layers.GroupNormalization(groups=1, dtype=dtype)(x)
        x = layers.ReLU(dtype=dtype)(x)
        if min(input_shape[:2]) > 16:
            x = layers.MaxPooling2D(3, strides=2, padding="same", dtype=dtype)(x)
    x = layers.Flatten(dtype=dtype)(x)
    x = layers.Dense(outputs, kernel_initializer="zeros", dtype=dtype)(x)
    return keras.Model(inputs, x, name="cbr_teacher")


def convolutions(
    input_shape: Sequence[int],
    outputs: int = 1,
    filters: Sequence[int] = (32, 32),
    dtype: Any = "float32",
) -> keras.Model:
    """Convolutions of size 3 that give logits for each step or pixel.

    Args:
        input_shape: `(steps, features)`, `(height, width, channels)` or with one axis
            more, conditions included; sizes other than the last may be `None`.
        outputs: number of logits.
        filters: number of filters of each convolution; each one sees one more
            neighbour on all sides.
        dtype: dtype or policy, whatever the global policy is.

    Returns:
        A built `keras.Model` from `(batch,) + input_shape` to `(batch, ..., outputs)`.
        The last layer starts at zero.
    """
    check_channels_last("teachers.convolutions")
    axes = len(input_shape) - 1
    convolution = {1: layers.Conv1D, 2: layers.Conv2D, 3: layers.Conv3D}[axes]
    x = inputs = keras.Input((*[None] * axes, input_shape[-1]), dtype=dtype)
    for width in filters:
        x = convolution(width, 3, padding="same", activation="relu", dtype=dtype)(x)
    x = layers.Dense(outputs, kernel_initializer="zeros", dtype=dtype)(x)
    return keras.Model(inputs, x, name="convolutions_teacher")


def mlp(
    input_shape: Sequence[int],
    outputs: int = 1,
    units: Sequence[int] = (128, 64),
    dtype: Any = "float32",
) -> keras.Model:
    """A multi-layer perceptron for vectors.

    Args:
        input_shape: shape of one example, conditions included; flattened.
        outputs: number of logits.
        units: width of each hidden layer.
        dtype: dtype or policy, whatever the global policy is.

    Returns:
        A built `keras.Model` from `(batch,) + input_shape` to
        `(batch, outputs)`. The last layer starts at zero.
    """
    x = inputs = keras.Input(input_shape, dtype=dtype)
    x = layers.Flatten(dtype=dtype)(x)
    for width in units:
        x = layers.Dense(width, activation="relu", dtype=dtype)(x)
    x = layers.Dense(outputs, kernel_initializer="zeros", dtype=dtype)(x)
    return keras.Model(inputs, x, name="mlp_teacher")
