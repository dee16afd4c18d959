"""Networks that give masks over images."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfcommentaries.commentaries.conditioning import check_channels_last
from tfcommentaries.typing import Config, LayerOptions, Shapes, Tensors, Unpack


def unet(
    input_shape: Sequence[int],
    depth: int = 2,
    width: int = 16,
    stride: int = 1,
    dtype: Any = "float32",
) -> keras.Model:
    """A small U-Net that gives a mask.

    Args:
        input_shape: `(height, width, channels)`.
        depth: number of times that height and width are halved.
        width: filters at full size; doubled at each depth.
        stride: 1, 2, 4, up to `2**depth`: the mask is made with one value per
            `stride` pixels and enlarged bilinearly. Coarse masks cost less.
        dtype: dtype or policy, whatever the global policy is.

    Returns:
        A built `keras.Model` from `(batch, height, width, channels)` to masks in
        (0, 1), `(batch, height, width, 1)`. The last layer starts at zero: a mask
        of 0.5 everywhere.

    Reference:
        [Ronneberger et al., U-Net](https://arxiv.org/abs/1505.04597)
    """
    check_channels_last("teachers.unet")
    if stride not in [2**level for level in range(depth + 1)]:
        raise ValueError(
            f"`stride` must be 1, 2, 4, up to 2**depth = {2**depth}. "
            f"Received: stride={stride}"
        )

    def block(x, filters):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, dtype=dtype)(x)
        x = layers.GroupNormalization(1, dtype=dtype)(x)
        return layers.ReLU(dtype=dtype)(x)

    x = inputs = keras.Input(input_shape, dtype=dtype)
    skips = []
    for level in range(depth):
        x = block(x, width * 2**level)
        skips.append(x)
        x = layers.MaxPooling2D(2, padding="same", dtype=dtype)(x)
    x = block(x, width * 2**depth)
    for level in reversed(range(stride.bit_length() - 1, depth)):
        x = layers.UpSampling2D(2, dtype=dtype)(x)
        # Odd sizes were rounded up on the way down.
        extra = [a - b for a, b in zip(x.shape[1:3], skips[level].shape[1:3])]
        x = layers.Cropping2D([(0, n) for n in extra], dtype=dtype)(x)
        x = layers.Concatenate(dtype=dtype)([x, skips[level]])
        x = block(x, width * 2**level)
    x = layers.Conv2D(
        1, 1, activation="sigmoid", kernel_initializer="zeros", dtype=dtype
    )(x)
    if stride > 1:
        x = layers.Resizing(*input_shape[:2], dtype=dtype)(x)
    return keras.Model(inputs, x, name="unet_teacher")


def key_points(
    input_shape: Sequence[int],
    points: int = 1,
    filters: Sequence[int] = (16, 32),
    dtype: Any = "float32",
) -> keras.Model:
    """A network that looks for points and gives a round mask around each.

    Args:
        input_shape: `(height, width, channels)`.
        points: number of points.
        filters: number of filters of each convolution, each with stride 2.
        dtype: dtype or policy, whatever the global policy is.

    Returns:
        A built `keras.Model` from `(batch, height, width, channels)` to masks in
        [0, 1], `(batch, height, width, 1)`: near 1 at a point, and falling off as a
        Gaussian whose width, as a fraction of the image, is learned too.

    Reference:
        [Jakab et al., Unsupervised Learning of Object Landmarks](
            https://arxiv.org/abs/1806.07823)
    """
    check_channels_last("teachers.key_points")
    x = inputs = keras.Input(input_shape, dtype=dtype)
    for width in filters:
        x = layers.Conv2D(
            width, 3, strides=2, padding="same", use_bias=False, dtype=dtype
        )(x)
        x = layers.GroupNormalization(1, dtype=dtype)(x)
        x = layers.ReLU(dtype=dtype)(x)
    heat = layers.Conv2D(points, 1, dtype=dtype)(x)
    mask = GaussianMask(input_shape[:2], dtype=dtype)(heat)
    return keras.Model(inputs, mask, name="key_points_teacher")


@keras.saving.register_keras_serializable(package="tfcommentaries")
class GaussianMask(layers.Layer):
    """Round masks around the centres of heat maps.

    Args:
        size: `(height, width)` of the mask.
        initial_width: initial standard deviation, in units of height and width.
        **kwargs: arguments of `keras.layers.Layer`.
    """

    def __init__(
        self,
        size: Sequence[int],
        initial_width: float = 0.3,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.size = tuple(size)
        self.initial_width = initial_width

    def build(self, heat_shape: Shapes) -> None:
        self.log_widths = self.add_weight(
            name="log_widths",
            shape=(heat_shape[-1],),
            initializer=keras.initializers.Constant(math.log(self.initial_width)),
        )

    def call(self, heat: Tensors) -> tf.Tensor:
        """Maps heat maps `(batch, h, w, points)` to masks `(batch, *size, 1)`."""
        shape = tf.shape(heat)
        flat = tf.reshape(heat, [shape[0], -1, heat.shape[-1]])
        share = tf.reshape(tf.nn.softmax(flat, 1), shape)
        rows, columns = (
            tf.reduce_sum(share * self._places(n, axis), [1, 2])
            for axis, n in ((1, heat.shape[1]), (2, heat.shape[2]))
        )
        spread = 2 * tf.exp(2 * tf.convert_to_tensor(self.log_widths))
        near = tf.exp(-self._distance(rows, columns) / spread)
        absent = tf.reduce_prod(1 - near, -1)
        return (1 - absent)[..., None]

    def _places(self, count, axis):
        """Positions of rows or columns, 0 to 1, along one of four axes."""
        places = (tf.range(count, dtype=self.compute_dtype) + 0.5) / count
        return tf.reshape(places, [count if a == axis else 1 for a in range(4)])

    def _distance(self, rows, columns):
        """Squared distances of all pixels to points, `(batch, *size, points)`."""
        height, width = self.size
        return (self._places(height, 1) - rows[:, None, None]) ** 2 + (
            self._places(width, 2) - columns[:, None, None]
        ) ** 2

    def compute_output_shape(self, heat_shape: Shapes) -> Shapes:
        return (heat_shape[0], *self.size, 1)

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "size": self.size,
            "initial_width": self.initial_width,
        }
