"""A second task for the student, invented by a teacher."""

from typing import Any

import keras
import tensorflow as tf

from tfcommentaries.commentaries import teachers
from tfcommentaries.commentaries.conditioning import (
    append_channels,
    check_labels,
    is_one_tensor,
    one_hot,
)
from tfcommentaries.commentaries.taught_by_teacher import TaughtByTeacher
from tfcommentaries.typing import Batch, Config, LayerOptions, Shapes, Tensors, Unpack


@keras.saving.register_keras_serializable(package="tfcommentaries")
class AuxiliaryTargets(TaughtByTeacher):
    """Gives the student a second task: to predict a teacher's distribution.

    The annotation is `softmax(teacher(x, y))` over `num_targets` invented classes.
    `teach` replaces labels by `{"main": y, "auxiliary": annotation}`. The student needs
    outputs of these names, which share its body, and a loss for each. The auxiliary
    output only serves training, and counts nothing for untaught students.

    Example:

    >>> body = keras.layers.Dense(64, "relu")(inputs)
    >>> outputs = {"main": keras.layers.Dense(10)(body),
    ...            "auxiliary": keras.layers.Dense(20)(body)}
    >>> student = keras.Model(inputs, outputs)
    >>> student.compile("adam", loss={"main": sparse_loss, "auxiliary": soft_loss})
    >>> learner = CommentaryLearner(AuxiliaryTargets(20, num_classes=10), student)

    Args:
        num_targets: number of invented classes.
        teacher: Keras model that gives logits `(batch, num_targets)`. `None` makes a
            small one that fits the inputs, as in `ExampleWeighting`.
        num_classes: number of classes if the teacher also sees the label, as extra
            channels; `None` hides it.
        main: name of the student's output for its own labels.
        auxiliary: name of the output for the invented classes.
        **kwargs: arguments of `Commentary`.

    Reference:
        [Liu et al., Self-Supervised Generalisation with Meta Auxiliary Learning](
            https://arxiv.org/abs/1901.08933)
    """

    kind = "auxiliary_targets"
    description = "what else a student should learn besides its labels"

    def __init__(
        self,
        num_targets: int,
        teacher: keras.layers.Layer | None = None,
        num_classes: int | None = None,
        main: str = "main",
        auxiliary: str = "auxiliary",
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(teacher, **kwargs)
        self._check_number("num_targets", num_targets)
        if num_classes is not None:
            self._check_number("num_classes", num_classes)
        self.num_targets = num_targets
        self.num_classes = num_classes
        self.main = main
        self.auxiliary = auxiliary

    @property
    def main_output(self) -> str | None:
        return self.main

    @property
    def uses_labels(self) -> bool:
        return self.num_classes is not None

    @property
    def channels_last(self) -> bool:
        return self.uses_labels or self._default_teacher

    def build(
        self, x_shape: Shapes, y_shape: Shapes = None, progress_shape: Shapes = None
    ) -> None:
        if self._default_teacher and self.teacher is None:
            if not is_one_tensor(x_shape):
                raise ValueError(
                    "AuxiliaryTargets has a default teacher only for a tensor of "
                    f"images or vectors. Pass `teacher=`. Received: {x_shape}"
                )
            channels = x_shape[-1] + (self.num_classes or 0)
            self.teacher = teachers.default(
                (*x_shape[:-1], channels), self.compute_dtype, self.num_targets
            )
            # Equal targets would stay equal: their hypergradients are the same.
            kernel = self.teacher.layers[-1].kernel
            kernel.assign(keras.initializers.GlorotUniform()(kernel.shape))
        self.built = True

    def call(
        self, x: Tensors, y: Tensors = None, progress: Tensors = None
    ) -> tf.Tensor:
        """Gives each example's invented distribution.

        Args:
            x: inputs `(batch, ...)`.
            y: labels, needed if `num_classes` was given: integers `(batch,)` or
                `(batch, 1)`, or one-hot or soft `(batch, num_classes)`.
            progress: not used.

        Returns:
            Probabilities `(batch, num_targets)`.
        """
        if self.uses_labels:
            rows = one_hot(y, self.num_classes, self.compute_dtype, type(self).__name__)
            x = append_channels(x, [rows], self.compute_dtype)
        return tf.nn.softmax(tf.convert_to_tensor(self.teacher(x, training=False)))

    def apply(
        self, annotation: Tensors, x: Tensors, y: Tensors, sample_weight: Tensors = None
    ) -> tuple[Tensors, Tensors, Tensors]:
        return x, {self.main: y, self.auxiliary: annotation}, sample_weight

    def complete_student(
        self, model: keras.Model, loss: Any
    ) -> tuple[keras.Model, Any]:
        """Adds a dense layer beside the last one, unless outputs have names already."""
        if len(model.outputs) == 1:
            head = keras.layers.Dense(self.num_targets, name=f"{self.auxiliary}_logits")
            outputs = {
                self.main: model.outputs[0],
                self.auxiliary: head(_features(model)),
            }
            model = keras.Model(_inputs(model), outputs, name=model.name)
        soft = keras.losses.CategoricalCrossentropy(from_logits=True)
        return model, {self.main: loss, self.auxiliary: soft}

    def untaught(self, batch: Batch) -> tuple[Tensors, Tensors, Tensors]:
        """As `Commentary.untaught`; only the main output counts."""
        x, y, sample_weight = super().untaught(batch)
        nothing = tf.zeros(tf.shape(y)[:1], self.compute_dtype)
        even = tf.fill([tf.shape(y)[0], self.num_targets], 1 / self.num_targets)
        even = tf.cast(even, self.compute_dtype)
        if sample_weight is None:
            sample_weight = tf.ones_like(nothing)
        return (
            x,
            {self.main: y, self.auxiliary: even},
            {self.main: sample_weight, self.auxiliary: nothing},
        )

    def check_batch(self, x: Tensors, y: Tensors) -> None:
        if self.uses_labels:
            check_labels(y, self.num_classes, type(self).__name__)

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "num_targets": self.num_targets,
            "num_classes": self.num_classes,
            "main": self.main,
            "auxiliary": self.auxiliary,
        }


def _inputs(model):
    # A Sequential has no `input` before it is called.
    return model.inputs[0] if len(model.inputs) == 1 else model.input


def _features(model):
    """What the last layer with weights of a graph of layers takes, in that graph."""
    tensor = model.outputs[0]
    while True:
        layer, node, _ = tensor._keras_history
        (given,) = layer._inbound_nodes[node].input_tensors
        if isinstance(layer, keras.Model):
            return keras.Model(_inputs(layer), _features(layer))(given)
        if layer.weights:
            return given
        tensor = given
