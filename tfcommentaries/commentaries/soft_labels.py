"""Soft labels in place of the data set's."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.commentaries.conditioning import (
    append_channels,
    check_labels,
    one_hot,
)
from tfcommentaries.commentaries.keyed_inputs import KeyedInputs
from tfcommentaries.typing import Batch, Config, LayerOptions, Shapes, Tensors, Unpack


@keras.saving.register_keras_serializable(package="tfcommentaries")
class SoftLabels(KeyedInputs):
    """Gives each example a distribution over classes in place of its label.

    The annotation is `softmax(logits + trust * one_hot(y))`. Logits start at zero,
    which smooths the labels; learning corrects them.

    The new labels are `(batch, num_classes)`: compile the student with
    `keras.losses.CategoricalCrossentropy`.

    Example:

    >>> labels = SoftLabels(num_classes=10)
    >>> labels(images, y)                                  # (batch, 10)

    Args:
        num_classes: number of classes.
        teacher: `None` makes a table with a row of logits for each class, which can
            learn which classes are mistaken for each other. Else a Keras model that
            gives logits `(batch, num_classes)`: it sees x with the label as extra
            channels, or, with `teacher_key`, one entry of x. A `teachers.Table` with as
            many outputs as classes corrects single examples by id.
        trust: logit of the data set's label. Defaults to 4, which gives it a
            probability of 0.86 among ten classes.
        teacher_key: if x is a dict, the entry that the teacher sees instead of all of
            x.
        student_key: if x is a dict, the entry that the student gets instead of all of
            x.
        **kwargs: arguments of `Commentary`.
    """

    kind = "soft_labels"
    description = "what each label should be taught as"
    needs = ("classes",)
    gives_distributions = True
    uses_labels = True

    def __init__(
        self,
        num_classes: int,
        teacher: keras.layers.Layer | None = None,
        trust: float = 4.0,
        teacher_key: str | None = None,
        student_key: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(teacher, teacher_key, student_key, **kwargs)
        self._check_number("num_classes", num_classes)
        self.num_classes = num_classes
        self.trust = trust
        self.logits = None
        if teacher is None:
            self.logits = self.add_weight(
                name="logits", shape=(num_classes, num_classes), initializer="zeros"
            )

    @property
    def channels_last(self) -> bool:
        return self.teacher is not None and self.teacher_key is None

    def build(
        self, x_shape: Shapes, y_shape: Shapes = None, progress_shape: Shapes = None
    ) -> None:
        self.built = True

    def call(
        self, x: Tensors, y: Tensors = None, progress: Tensors = None
    ) -> tf.Tensor:
        """Gives each example's distribution over classes.

        Args:
            x: inputs `(batch, ...)` or a dict of such; a table ignores them.
            y: labels: integers `(batch,)` or `(batch, 1)`, or one-hot or soft
                `(batch, num_classes)`.
            progress: not used.

        Returns:
            Probabilities `(batch, num_classes)`.
        """
        rows = self._soft(y)
        if self.teacher is None:
            logits = tf.matmul(rows, tf.convert_to_tensor(self.logits))
        elif self.teacher_key is not None:
            logits = self.teacher(x[self.teacher_key], training=False)
        else:
            seen = append_channels(x, [rows], self.compute_dtype)
            logits = self.teacher(seen, training=False)
        return tf.nn.softmax(tf.convert_to_tensor(logits) + self.trust * rows)

    def apply(
        self, annotation: Tensors, x: Tensors, y: Tensors, sample_weight: Tensors = None
    ) -> tuple[Tensors, Tensors, Tensors]:
        return self.student_inputs(x), annotation, sample_weight

    def label_trust(
        self, annotate: Callable[[Tensors], Tensors], y: Tensors, num_classes: int
    ) -> np.ndarray:
        return annotate(y)

    def untaught(self, batch: Batch) -> tuple[Tensors, Tensors, Tensors]:
        x, y, sample_weight = super().untaught(batch)
        return x, self._soft(y), sample_weight

    def _soft(self, y):
        return one_hot(y, self.num_classes, self.compute_dtype, type(self).__name__)

    def check_batch(self, x: Tensors, y: Tensors) -> None:
        check_labels(y, self.num_classes, type(self).__name__)

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "trust": self.trust,
        }
