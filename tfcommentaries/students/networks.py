"""The students of the paper, and one for vectors.

Batch normalisation runs with momentum 0.9 (Keras's default of 0.99 needs some
hundred steps before it can be used for evaluation), and convolutions before it
have no bias: the bias's gradient would be exactly zero, which Adam turns into noise.
"""

from collections.abc import Sequence

import keras
from keras import layers


def cbr(
    input_shape: Sequence[int], num_classes: int, filters: Sequence[int] = (32, 64)
) -> keras.Model:
    """The paper's small student: blocks of convolution, batch norm, ReLU, pool.

    Convolutions are 5x5 and then 3x3 with stride 2, pools 3x3 with stride 2;
    images of 16 pixels or fewer are not pooled.

    Args:
        input_shape: `(height, width, channels)`.
        num_classes: number of logits.
        filters: number of filters of each block.

    Returns:
        A built `keras.Model` from `(batch, height, width, channels)` to logits
        `(batch, num_classes)`.
    """
    x = inputs = keras.Input(input_shape)
    for kernel_size, width in zip((5,) + (3,) * len(filters), filters):
        x = layers.Conv2D(
            width, kernel_size, strides=2, padding="same", use_bias=False
        )(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
        if min(input_shape[:2]) > 16:
            x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    x = layers.Flatten()(x)
    return keras.Model(inputs, layers.Dense(num_classes)(x), name="cbr")


def mlp(
    input_shape: Sequence[int], num_classes: int, units: Sequence[int] = (64, 64)
) -> keras.Model:
    """A multi-layer perceptron with batch normalisation, for vectors.

    Args:
        input_shape: `(features,)`; inputs of other shapes are flattened.
        num_classes: number of logits.
        units: width of each hidden layer.

    Returns:
        A built `keras.Model` from `(batch, features)` to logits
        `(batch, num_classes)`.
    """
    x = inputs = keras.Input(input_shape)
    x = layers.Flatten()(x)
    for width in units:
        x = layers.Dense(width, use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    return keras.Model(inputs, layers.Dense(num_classes)(x), name="mlp")


def resnet18(
    input_shape: Sequence[int], num_classes: int, width: int = 64
) -> keras.Model:
    """ResNet-18 for 32x32 images (3x3 stem, no first pool).

    Args:
        input_shape: `(height, width, channels)`.
        num_classes: number of logits.
        width: filters of the first stage; 64 as published.

    Returns:
        A built `keras.Model` from images to logits `(batch, num_classes)`.

    Reference:
        [He et al., Deep Residual Learning](https://arxiv.org/abs/1512.03385)
    """
    return _resnet(input_shape, num_classes, (2, 2, 2, 2), width, "resnet18")


def resnet34(
    input_shape: Sequence[int], num_classes: int, width: int = 64
) -> keras.Model:
    """ResNet-34 for 32x32 images; arguments as `resnet18`."""
    return _resnet(input_shape, num_classes, (3, 4, 6, 3), width, "resnet34")


def _resnet(input_shape, num_classes, depths, width, name):
    def convolve(x, filters, kernel_size, strides=1):
        x = layers.Conv2D(
            filters, kernel_size, strides=strides, padding="same", use_bias=False
        )(x)
        return layers.BatchNormalization(momentum=0.9)(x)

    inputs = keras.Input(input_shape)
    x = layers.ReLU()(convolve(inputs, width, 3))
    for stage, depth in enumerate(depths):
        filters = width * 2**stage
        for block in range(depth):
            strides = 2 if stage > 0 and block == 0 else 1
            shortcut = x
            if strides > 1:
                shortcut = convolve(x, filters, 1, strides)
            x = layers.ReLU()(convolve(x, filters, 3, strides))
            x = convolve(x, filters, 3)
            x = layers.ReLU()(layers.Add()([x, shortcut]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(num_classes)(x), name=name)


def few_shot_net(
    input_shape: Sequence[int], num_classes: int, filters: int = 64
) -> keras.Model:
    """Four blocks of convolution, batch norm, ReLU and 2x2 pool, as in MAML.

    Args:
        input_shape: `(height, width, channels)`.
        num_classes: number of logits.
        filters: filters of every block.

    Returns:
        A built `keras.Model` from images to logits `(batch, num_classes)`.

    Reference:
        [Finn et al., Model-Agnostic Meta-Learning](
            https://arxiv.org/abs/1703.03400)
    """
    x = inputs = keras.Input(input_shape)
    for _ in range(4):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D(2, padding="same")(x)
    x = layers.Flatten()(x)
    return keras.Model(inputs, layers.Dense(num_classes)(x), name="few_shot_net")
