"""Blending pairs of examples, in proportions that depend on their labels."""

import keras
import tensorflow as tf

from tfcommentaries.commentaries.conditioning import (
    append_channels,
    check_labels,
    one_hot,
)
from tfcommentaries.commentaries.taught_by_teacher import TaughtByTeacher
from tfcommentaries.typing import Batch, Config, LayerOptions, Shapes, Tensors, Unpack


@keras.saving.register_keras_serializable(package="tfcommentaries")
class LabelBlending(TaughtByTeacher):
    """Blends each example with another, in a proportion that depends on their classes.

    The annotation of an example is a row of proportions
    `lambda = 1 - 0.5 * sigmoid(logits)`, each in (0.5, 1), one for each class of the
    partner: the share of the example in the blend. Its partner is the example before it
    in the batch, so batches must be shuffled. `apply` blends inputs, labels and sample
    weights: `lambda * own + (1 - lambda) * partner`.

    The blended labels are soft, `(batch, num_classes)`: compile the student with a loss
    that takes them, such as `keras.losses.CategoricalCrossentropy`.

    Try a few constant tables first, and start from the best of them (an `initial_logit`
    of 2.2 is 0.55): tables learned by `ImplicitTraining` stayed near their start. With
    few images, 0.55 for all pairs of classes helped, and 0.85 and 0.95 harmed; with ten
    times as many, 0.55 harmed, and nothing gained more than 0.2 points
    (`experiments/blending`).

    Example:

    >>> blending = LabelBlending(num_classes=10)
    >>> rows = blending(images, labels)                    # (batch, 10)
    >>> x, y, _ = blending.teach(images, labels)           # y is (batch, 10)

    Args:
        num_classes: number of classes.
        teacher: `None` makes a table over pairs of classes, `num_classes` squared
            numbers. Else a Keras model from x with the label as extra channels to
            logits `(batch, num_classes)`.
        initial_logit: initial value of every entry of a table. Defaults to -1, a
            `lambda` of 0.87.
        **kwargs: arguments of `Commentary`.

    Reference:
        [Raghu et al., Teaching with Commentaries, section 4](
            https://arxiv.org/abs/2011.03037)
    """

    kind = "label_blending"
    description = "how much examples of each two classes should be blended"
    needs = ("classes",)
    gives_distributions = True
    uses_labels = True

    def __init__(
        self,
        num_classes: int,
        teacher: keras.layers.Layer | None = None,
        initial_logit: float = -1.0,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(teacher, **kwargs)
        self._check_number("num_classes", num_classes)
        self.num_classes = num_classes
        self.initial_logit = initial_logit
        self.logits = None
        if teacher is None:
            self.logits = self.add_weight(
                name="logits",
                shape=(num_classes, num_classes),
                initializer=keras.initializers.Constant(initial_logit),
            )

    @property
    def channels_last(self) -> bool:
        return self.teacher is not None

    def build(
        self, x_shape: Shapes, y_shape: Shapes = None, progress_shape: Shapes = None
    ) -> None:
        self.built = True

    def call(
        self, x: Tensors, y: Tensors = None, progress: Tensors = None
    ) -> tf.Tensor:
        """Gives each example's proportions by the partner's class.

        Args:
            x: inputs `(batch, ...)`; a table ignores them.
            y: labels: integers `(batch,)` or `(batch, 1)`, or one-hot or soft
                `(batch, num_classes)`.
            progress: not used.

        Returns:
            `lambda`, each in (0.5, 1), `(batch, num_classes)`.
        """
        rows = self._soft(y)
        if self.teacher is None:
            logits = tf.matmul(rows, tf.convert_to_tensor(self.logits))
        else:
            seen = append_channels(x, [rows], self.compute_dtype)
            logits = self.teacher(seen, training=False)
        return 1 - 0.5 * tf.sigmoid(tf.convert_to_tensor(logits))

    def apply(
        self, annotation: Tensors, x: Tensors, y: Tensors, sample_weight: Tensors = None
    ) -> tuple[Tensors, Tensors, Tensors]:
        labels = self._soft(y)
        partner = tf.roll(labels, 1, 0)
        own = tf.reduce_sum(annotation * partner, -1)

        def blend(tensor):
            tensor = tf.convert_to_tensor(tensor)
            if not tensor.dtype.is_floating:
                tensor = tf.cast(tensor, annotation.dtype)
            share = tf.reshape(own, [-1] + [1] * (tensor.shape.rank - 1))
            share = tf.cast(share, tensor.dtype)
            return share * tensor + (1 - share) * tf.roll(tensor, 1, 0)

        if sample_weight is not None:
            sample_weight = blend(sample_weight)
        return tf.nest.map_structure(blend, x), blend(labels), sample_weight

    def untaught(self, batch: Batch) -> tuple[Tensors, Tensors, Tensors]:
        x, y, sample_weight = super().untaught(batch)
        return x, self._soft(y), sample_weight

    def _soft(self, y):
        return one_hot(y, self.num_classes, self.compute_dtype, type(self).__name__)

    def check_batch(self, x: Tensors, y: Tensors) -> None:
        check_labels(y, self.num_classes, type(self).__name__)
        for tensor in tf.nest.flatten(x):
            dtype = tf.as_dtype(tensor.dtype)
            if not dtype.is_floating and dtype != tf.uint8:
                raise ValueError(
                    f"{type(self).__name__} blends numbers such as pixels, but an "
                    f"input is {dtype.name}, like ids. Blend its embedding instead, or "
                    "cast it to float32 if it is a quantity."
                )

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "initial_logit": self.initial_logit,
        }
