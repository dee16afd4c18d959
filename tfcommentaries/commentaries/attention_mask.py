"""Masks of the part of an image that a student sees."""

import keras
import tensorflow as tf

from tfcommentaries.commentaries import teachers
from tfcommentaries.commentaries.conditioning import check_channels_last, is_one_tensor
from tfcommentaries.commentaries.taught_by_teacher import TaughtByTeacher
from tfcommentaries.typing import Config, LayerOptions, Shapes, Tensors, Unpack


@keras.saving.register_keras_serializable(package="tfcommentaries")
class AttentionMask(TaughtByTeacher):
    """Shows the student a part of each image.

    The annotation is a mask `(batch, height, width, 1)` in [0, 1], and `apply` gives
    `mask * x + (1 - mask) * fill`. The teacher does not see the label, so masks can
    also be used at test time. Learn such masks with
    `CommentaryLearner(validation_taught=True)`.

    Example:

    >>> masks = AttentionMask(area_penalty=0.1)
    >>> mask = masks(images)                        # (batch, height, width, 1)
    >>> x, y, _ = masks.teach(images, labels)       # at test time too

    Args:
        teacher: Keras model from images `(batch, height, width, channels)` to masks
            in [0, 1]. `None` makes `teachers.unet`; `teachers.key_points` has fewer
            parameters and gives round masks.
        fill: values where the mask is 0: `"zero"`; `"mean"`, of the image, per channel;
            `"blur"`, the mean over `blur_size` by `blur_size` pixels.
        blur_size: height and width of the blur, pixels.
        area_penalty: penalty for a mean mask of 1, added to the outer loss. Without it,
            a mask that hides nothing costs nothing.
        **kwargs: arguments of `Commentary`.

    Reference:
        [Raghu et al., Teaching with Commentaries, section 5](
            https://arxiv.org/abs/2011.03037)
    """

    kind = "attention_mask"
    description = "which part of each image a student should look at"
    needs = ("images",)
    serves_students = True
    channels_last = True

    def __init__(
        self,
        teacher: keras.layers.Layer | None = None,
        fill: str = "zero",
        blur_size: int = 11,
        area_penalty: float = 0.0,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(teacher, **kwargs)
        if fill not in ("zero", "mean", "blur"):
            raise ValueError(
                f"`fill` must be 'zero', 'mean' or 'blur'. Received: fill={fill!r}"
            )
        if blur_size < 1 or area_penalty < 0:
            raise ValueError(
                "`blur_size` must be at least 1 and `area_penalty` at least 0. "
                f"Received: blur_size={blur_size}, area_penalty={area_penalty}"
            )
        self.fill = fill
        self.blur_size = blur_size
        self.area_penalty = area_penalty

    def build(
        self, x_shape: Shapes, y_shape: Shapes = None, progress_shape: Shapes = None
    ) -> None:
        if not is_one_tensor(x_shape) or len(x_shape) != 4:
            raise ValueError(
                "AttentionMask takes images (batch, height, width, channels). "
                f"Received: inputs of shape {x_shape}"
            )
        check_channels_last("AttentionMask")
        if self._default_teacher and self.teacher is None:
            self.teacher = teachers.unet(tuple(x_shape[1:]), dtype=self.compute_dtype)
        self.built = True

    def call(
        self, x: Tensors, y: Tensors = None, progress: Tensors = None
    ) -> tf.Tensor:
        """Gives the mask of each image.

        Args:
            x: images `(batch, height, width, channels)`.
            y: not used.
            progress: not used.

        Returns:
            Masks in [0, 1], `(batch, height, width, 1)`.
        """
        x = tf.cast(x, self.compute_dtype)
        return tf.convert_to_tensor(self.teacher(x, training=False))

    def apply(
        self, annotation: Tensors, x: Tensors, y: Tensors, sample_weight: Tensors = None
    ) -> tuple[Tensors, Tensors, Tensors]:
        x = tf.convert_to_tensor(x)
        if not x.dtype.is_floating:
            x = tf.cast(x, annotation.dtype)
        mask = tf.cast(annotation, x.dtype)
        shown = mask * x
        if self.fill == "mean":
            shown += (1 - mask) * tf.reduce_mean(x, [1, 2], keepdims=True)
        elif self.fill == "blur":
            shown += (1 - mask) * tf.nn.avg_pool2d(x, self.blur_size, 1, "SAME")
        return shown, y, sample_weight

    def penalty(self, annotation: Tensors) -> Tensors:
        return self.area_penalty * tf.reduce_mean(annotation)

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "fill": self.fill,
            "blur_size": self.blur_size,
            "area_penalty": self.area_penalty,
        }
