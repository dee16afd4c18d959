"""One step of a student's training, as a pure function."""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.hypergradients.adjoint_scaling import AdjointScaling
from tfcommentaries.hypergradients.chunked_map import chunked_map
from tfcommentaries.optimizers import from_keras
from tfcommentaries.optimizers.flattened import Flattened
from tfcommentaries.students.functional_student import FunctionalStudent, StudentWeights
from tfcommentaries.typing import Batch, Optimizer, Tensors

#: Examples that are annotated at a time; more only cost memory.
CHUNK = 256


class TrainingState(NamedTuple):
    """Everything that one training step changes.

    Attributes:
        weights: `StudentWeights`.
        slots: slots of the `InnerOptimizer`.
    """

    weights: StudentWeights
    slots: list


class JoinedState(NamedTuple):
    """The same where loops carry it: all trainable weights are one vector.

    A network has dozens of weights, and each costs a dozen operations in every loop.

    Attributes:
        vector: the trainable weights.
        non_trainable: as in `StudentWeights`.
        slots: slots of a `Flattened` optimizer.
    """

    vector: tf.Tensor
    non_trainable: list
    slots: list


class InnerProblem:
    """A student that trains with a commentary.

    All methods are pure functions of tensors. Annotations do not depend on the student,
    so all are computed before the first step, and a training step sees the annotation
    of its batch instead of the commentary's weights. For weights that depend on the
    student, see `LossWeightedProblem`.

    Args:
        commentary: a built `Commentary`, or `None` to train without one.
        student: a built `FunctionalStudent`.
        optimizer: a Keras optimizer, its name, or an `InnerOptimizer`. `None` takes the
            student's own.
        eps_root: as for `from_keras`.

    Raises:
        ValueError: if the commentary needs another class.
    """

    #: Whether it is for commentaries of the student's losses.
    of_losses = False

    def __init__(
        self,
        commentary: Commentary | None,
        student: FunctionalStudent,
        optimizer: Optimizer = None,
        eps_root: float | None = None,
    ) -> None:
        if commentary is not None and commentary.uses_student_loss != self.of_losses:
            right = "InnerProblem" if self.of_losses else "LossWeightedProblem"
            raise ValueError(f"Use {right} for a {type(commentary).__name__}.")
        self.commentary = commentary
        self.student = student
        model = student.model
        _check_channels(commentary, model)
        optimizer = model.optimizer if optimizer is None else optimizer
        weights = model.trainable_variables
        self.optimizer = from_keras(optimizer, weights, eps_root)
        if Flattened.suits(self.optimizer, weights):
            self.optimizer = Flattened(self.optimizer, student.weights.trainable)

    def annotate(
        self, phi: Sequence[tf.Tensor], batches: Batch, progress: Tensors
    ) -> list[tf.Tensor]:
        """Annotates the batches of all steps.

        Args:
            phi: list with one tensor per entry of
                `commentary.trainable_variables`.
            batches: `(x, y)` or `(x, y, sample_weight)`, each `(T, batch, ...)`.
            progress: `(T,)`.

        Returns:
            What a step needs of the commentary, a list of tensors `(T, ...)`: the
            annotation `(T, batch, ...)`, or nothing without a commentary. Gradients
            flow to `phi`.
        """
        if self.commentary is None:
            return []
        commentary = self.commentary
        x, y, _ = keras.utils.unpack_x_y_sample_weight(batches)
        seen = {"x": commentary.own_inputs(x)}
        if commentary.uses_labels:
            seen["y"] = y
        steps, batch = tf.unstack(tf.shape(tf.nest.flatten(x)[0])[:2])
        if commentary.uses_progress:
            seen["progress"] = tf.repeat(progress[:, None], batch, 1)
        flat = [
            tf.reshape(t, tf.concat([[steps * batch], tf.shape(t)[2:]], 0))
            for t in tf.nest.flatten(seen)
        ]

        def annotate(phi, inputs):
            return self._call(phi, **tf.nest.pack_sequence_as(seen, inputs))

        # Whoever trains on one batch can also annotate it.
        alone = tf.nest.flatten(x)[0].shape[0] == 1
        chunk = None if alone or commentary.looks_up else CHUNK
        annotation = chunked_map(annotate, phi, flat, chunk)
        shape = tf.concat([[steps, batch], tf.shape(annotation)[1:]], 0)
        annotation = tf.reshape(annotation, shape)
        return [annotation]

    def loss(
        self,
        annotation: list[tf.Tensor],
        weights: StudentWeights,
        batch: Batch,
        tape: tf.GradientTape | None = None,
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The inner loss.

        Args:
            annotation: list as `annotate` gave it, without the axis of steps.
            weights: `StudentWeights`.
            batch: `(x, y)` or `(x, y, sample_weight)`.
            tape: the `tf.GradientTape` that must see weights by the student's losses
                as constants, unlike tapes outside it. `None` means all tapes do.

        Returns:
            `(loss, non_trainable)`, a scalar and the student's updated state.
        """
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        if annotation:
            x, y, sample_weight = self.commentary.apply(
                annotation[0], x, y, sample_weight
            )
        return self.student.loss(weights, x, y, sample_weight)

    def penalty(self, annotations: list[tf.Tensor]) -> tf.Tensor:
        """The commentary's penalty on annotations as `annotate` gave them."""
        return self.commentary.penalty(annotations[0]) if annotations else 0.0

    def _call(self, phi, *args, **kwargs):
        """The commentary with weights `phi`."""
        mapping = list(zip(self.commentary.trainable_variables, phi, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return self.commentary(*args, **kwargs)

    def initial_state(self, weights: StudentWeights) -> TrainingState:
        """The state before the first step, with `StudentWeights` `weights`."""
        return TrainingState(weights, self.optimizer.init(weights.trainable))

    def joined(self, state: TrainingState) -> TrainingState | JoinedState:
        """A `TrainingState` as loops carry it, if possible a `JoinedState`."""
        if not isinstance(self.optimizer, Flattened):
            return state
        (trainable, non_trainable), slots = state
        return JoinedState(self.optimizer.join(trainable), non_trainable, slots)

    def parted(self, state: TrainingState | JoinedState) -> TrainingState:
        """The `TrainingState` of what `joined` gave."""
        if not isinstance(state, JoinedState):
            return state
        weights = self.optimizer.split(state.vector)
        return TrainingState(StudentWeights(weights, state.non_trainable), state.slots)

    def step(
        self,
        annotation: list[tf.Tensor],
        state: TrainingState,
        batch: Batch,
        index: tf.Tensor,
    ) -> TrainingState:
        """One training step.

        Args:
            annotation: as for `loss`.
            state: `TrainingState` or `JoinedState`.
            batch: as for `loss`.
            index: integer scalar, the optimizer's step count.

        Returns:
            The next state, of the same kind.
        """
        if isinstance(state, JoinedState):
            return self._step_of_vector(annotation, state, batch, index)
        trainable = state.weights.trainable
        gradients, non_trainable = self.gradients(annotation, state.weights, batch)
        trainable, slots = self.optimizer.update(
            gradients, state.slots, trainable, index
        )
        trainable = self.student.constrain(trainable)
        return TrainingState(StudentWeights(trainable, non_trainable), slots)

    def _step_of_vector(self, annotation, state, batch, index):
        split = self.optimizer.split
        (gradient,), non_trainable = self._gradients(
            annotation, [state.vector], state.non_trainable, batch, lambda v: split(*v)
        )
        vector, slots = self.optimizer.update_vector(
            gradient, state.slots, state.vector, index
        )
        if self.student.is_constrained:
            vector = self.optimizer.join(self.student.constrain(split(vector)))
        return JoinedState(vector, non_trainable, slots)

    def gradients(
        self, annotation: list[tf.Tensor], weights: StudentWeights, batch: Batch
    ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """Gradients of the inner loss, and the student's updated state."""
        return self._gradients(annotation, *weights, batch)

    def _gradients(self, annotation, values, non_trainable, batch, weights_of=list):
        """The same by `values`, of which `weights_of` makes the trainable weights."""
        scale = self.student.loss_scale
        scaling = AdjointScaling(scale)
        if scale != 1:
            annotation, values, non_trainable = scaling.enter(
                (annotation, values, non_trainable)
            )
        gradients, non_trainable = self._differentiate(
            annotation, values, non_trainable, batch, weights_of, scale
        )
        if scale != 1:
            gradients = [g / scale for g in gradients]
            gradients, non_trainable = scaling.leave((gradients, non_trainable))
        return gradients, non_trainable

    def _differentiate(
        self, annotation, values, non_trainable, batch, weights_of, scale
    ):
        """Gradients of the scaled loss by `values`, and the updated state."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            weights = StudentWeights(weights_of(values), non_trainable)
            loss, non_trainable = self.loss(annotation, weights, batch, tape)
            if scale != 1:
                loss *= scale
        gradients = tape.gradient(
            loss, values, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        return [tf.convert_to_tensor(g) for g in gradients], non_trainable


def _check_channels(commentary, model):
    """Raises if a student takes images as they come, and a commentary the other way."""
    if commentary is None or not commentary.channels_last or not commentary.batch_spec:
        return
    other_way = any(
        getattr(layer, "data_format", None) == "channels_first"
        for layer in model._flatten_layers()
    )
    for spec in tf.nest.flatten(commentary.batch_spec[0]):
        shape = spec.shape.as_list() if spec.shape.rank else []
        if other_way and len(shape) > 3 and (shape[1] or 0) < (shape[-1] or 0):
            raise ValueError(
                f"{type(commentary).__name__} takes images (batch, height, width, "
                f"channels), but a layer of the student {model.name!r} has "
                f"data_format='channels_first'. Received: images {tuple(shape)}. Give "
                "images with channels last, and begin the student with "
                "`keras.layers.Permute((3, 1, 2))`."
            )
