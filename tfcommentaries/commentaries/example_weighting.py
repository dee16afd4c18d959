"""One weight per example."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.commentaries import teachers
from tfcommentaries.commentaries.conditioning import (
    append_channels,
    check_labels,
    is_one_tensor,
    one_hot,
)
from tfcommentaries.commentaries.keyed_inputs import KeyedInputs
from tfcommentaries.commentaries.weighting import Weighting
from tfcommentaries.typing import Config, LayerOptions, Shapes, Tensors, Unpack


class ExampleWeightingOptions(LayerOptions, total=False):
    """Arguments of `ExampleWeighting` that a subclass hands on."""

    curriculum: bool
    conditioning: str
    normalize: str | None
    teacher_key: str | None
    student_key: str | None


@keras.saving.register_keras_serializable(package="tfcommentaries")
class ExampleWeighting(Weighting, KeyedInputs):
    """Weights each training example by its content.

    The annotation is `w(x, y) = sigmoid(teacher(...))`, one weight in (0, 1) per
    example. `teach` multiplies `sample_weight` by it, after dividing by the mean
    over the batch. Without that division larger weights are simply a larger step
    size, and learning drives every weight to 1; the paper's plain form is
    `normalize=None`, and its weights change during training: `curriculum=True`.

    Example:

    >>> weighting = ExampleWeighting(num_classes=10)
    >>> weights = weighting(images, labels)   # (batch,), in (0, 1)
    >>> x, y, sample_weight = weighting.teach(images, labels)

    Args:
        teacher: Keras layer or model that gives one logit per example, `(batch,)`
            or `(batch, 1)`. `None` makes a small one that fits the inputs:
            `teachers.cbr` for images, `teachers.mlp` for vectors. For one free
            weight per example, without a network, give `teachers.Table`.
        curriculum: whether the weights change over training: the teacher sees
            `progress`.
        num_classes: number of classes if the teacher sees the label, which label
            noise and imbalance need; `None` hides the label.
        conditioning: how progress and label reach the teacher.
            `"channels"`: as extra channels of an image `(batch, h, w, channels)`
            or extra features of a vector. `"dict"`: the teacher is called with
            `{"x": ..., "progress": (batch, 1), "label": (batch, num_classes)}`,
            for FiLM and the like, and for words: extra channels would be taken
            for ids. If x is a dict, its own entries replace `"x"`, whatever
            `conditioning` says.
        normalize: `"batch_mean"` divides the weights by their mean over the
            batch when teaching; `None` does not.
        teacher_key: where x is a dict, the entry that the teacher sees instead
            of all of x, for example `"id"` for a table.
        student_key: where x is a dict, the entry that the student gets instead
            of all of x. Validation data need only what the student gets.
        **kwargs: arguments of `Commentary`.

    Reference:
        [Raghu et al., Teaching with Commentaries, section 3](
            https://arxiv.org/abs/2011.03037)
    """

    kind = "example_weighting"
    description = "how much each training example should count"

    def __init__(
        self,
        teacher: keras.layers.Layer | None = None,
        curriculum: bool = False,
        num_classes: int | None = None,
        conditioning: str = "channels",
        normalize: str | None = "batch_mean",
        teacher_key: str | None = None,
        student_key: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            teacher=teacher,
            normalize=normalize,
            teacher_key=teacher_key,
            student_key=student_key,
            **kwargs,
        )
        if conditioning not in ("channels", "dict"):
            raise ValueError(
                "`conditioning` must be 'channels' or 'dict'. "
                f"Received: conditioning={conditioning!r}"
            )
        if num_classes is not None:
            self._check_number("num_classes", num_classes)
        self.curriculum = curriculum
        self.num_classes = num_classes
        self.conditioning = conditioning

    @property
    def uses_labels(self) -> bool:
        return self.num_classes is not None

    @property
    def uses_progress(self) -> bool:
        return self.curriculum

    @property
    def channels_last(self) -> bool:
        conditions = self.curriculum or self.uses_labels
        return self.conditioning == "channels" and (conditions or self._default_teacher)

    def build(
        self, x_shape: Shapes, y_shape: Shapes = None, progress_shape: Shapes = None
    ) -> None:
        if self._default_teacher and self.teacher is None:
            shape = self._teacher_input_shape(x_shape)
            self.teacher = self._make_teacher(shape)
        self.built = True

    def _make_teacher(self, input_shape):
        return teachers.default(input_shape, self.compute_dtype)

    def _teacher_input_shape(self, x_shape):
        if isinstance(x_shape, dict) and self.teacher_key is not None:
            x_shape = x_shape[self.teacher_key]
        if not is_one_tensor(x_shape) or self.conditioning == "dict":
            raise ValueError(
                f"{type(self).__name__} has a default teacher only for a tensor of "
                "images or vectors with `conditioning='channels'`. Pass "
                "`teacher=`, a model that takes a dict of tensors. Received: "
                f"inputs of shape {x_shape}, conditioning={self.conditioning!r}"
            )
        extra = int(self.curriculum) + (self.num_classes or 0)
        return tuple(x_shape[:-1]) + (x_shape[-1] + extra,)

    def call(
        self, x: Tensors, y: Tensors = None, progress: Tensors = None
    ) -> tf.Tensor:
        """Gives the weight of each example.

        Args:
            x: inputs `(batch, ...)`, or a dict of such.
            y: labels: integers `(batch,)` or `(batch, 1)`, or one-hot
                `(batch, num_classes)`. Needed if `num_classes` was given.
            progress: 0 to 1, scalar or `(batch,)`. Needed with `curriculum`.

        Returns:
            Weights in (0, 1), `(batch,)`.
        """
        logits = self.teacher(self._teacher_input(x, y, progress), training=False)
        return tf.sigmoid(tf.reshape(tf.convert_to_tensor(logits), [-1]))

    def label_trust(
        self, annotate: Callable[[Tensors], Tensors], y: Tensors, num_classes: int
    ) -> np.ndarray:
        if not self.uses_labels:
            weights = annotate(y)[:, None]
            return weights / max(weights.max(), np.finfo(weights.dtype).tiny)
        each = [annotate(np.full_like(y, label)) for label in range(num_classes)]
        weights = np.stack(each, -1)
        return weights / weights.max(-1, keepdims=True)

    @property
    def suggested(self) -> Mapping[str, Any]:
        # A table has its own suggestions.
        return {**super().suggested, **getattr(self.teacher, "suggested", {})}

    def _teacher_input(self, x, y, progress):
        if self.teacher_key is not None:
            x = x[self.teacher_key]
        batch = tf.shape(tf.nest.flatten(x)[0])[0]
        conditions = {}
        if self.curriculum:
            if progress is None:
                raise ValueError(
                    f"This {type(self).__name__} is a curriculum: its weights depend "
                    "on how far training is. Pass `progress`, from 0 (start) to 1 "
                    "(end), or make it with `curriculum=False`."
                )
            progress = tf.reshape(tf.cast(progress, self.compute_dtype), [-1, 1])
            conditions["progress"] = tf.broadcast_to(progress, [batch, 1])
        if self.uses_labels:
            conditions["label"] = self._label(y)
        if isinstance(x, dict):
            return {**x, **conditions}
        if self.conditioning == "dict":
            return {"x": x, **conditions}
        if not conditions:
            return x
        return append_channels(x, list(conditions.values()), self.compute_dtype)

    def _label(self, y):
        name = type(self).__name__
        return one_hot(y, self.num_classes, self.compute_dtype, name)

    def check_batch(self, x: Tensors, y: Tensors) -> None:
        if self.uses_labels:
            check_labels(y, self.num_classes, type(self).__name__)

    def get_config(self) -> Config:
        config = super().get_config()
        config.update(
            curriculum=self.curriculum,
            num_classes=self.num_classes,
            conditioning=self.conditioning,
        )
        return config
