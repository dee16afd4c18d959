"""What one step of a student's training is, as a pure function."""

from typing import NamedTuple

import keras
import tensorflow as tf

from tfcommentaries.students.functional_student import StudentWeights


class TrainingState(NamedTuple):
    """Everything that one training step changes.

    Attributes:
        weights: `StudentWeights`.
        slots: slots of the `InnerOptimizer`.
    """

    weights: StudentWeights
    slots: list


class InnerProblem:
    """A student that trains with a commentary.

    All methods are pure functions of tensors; `phi` is a list with one tensor
    per entry of `commentary.trainable_variables`.

    Args:
        commentary: a built `Commentary`, or `None` to train without one.
        student: a built `FunctionalStudent`.
        optimizer: an `InnerOptimizer`.
    """

    def __init__(self, commentary, student, optimizer):
        self.commentary = commentary
        self.student = student
        self.optimizer = optimizer

    def loss(self, phi, weights, batch, progress):
        """The inner loss.

        Args:
            phi: the commentary's weights.
            weights: `StudentWeights`.
            batch: `(x, y)` or `(x, y, sample_weight)`.
            progress: scalar, 0 to 1.

        Returns:
            `(loss, non_trainable)`, a scalar and the student's updated state.
        """
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        if self.commentary is not None:
            variables = self.commentary.trainable_variables
            mapping = list(zip(variables, phi, strict=True))
            with keras.StatelessScope(state_mapping=mapping):
                x, y, sample_weight = self.commentary.teach(
                    x, y, sample_weight, progress
                )
        return self.student.loss(weights, x, y, sample_weight)

    def initial_state(self, weights):
        """The state before the first step, with `StudentWeights` `weights`."""
        return TrainingState(weights, self.optimizer.init(weights.trainable))

    def step(self, phi, state, batch, progress, index):
        """One training step.

        Args:
            phi: the commentary's weights.
            state: `TrainingState`.
            batch: as for `loss`.
            progress: as for `loss`.
            index: integer scalar, the optimizer's step count.

        Returns:
            The next `TrainingState`.
        """
        trainable = state.weights.trainable
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(trainable)
            loss, non_trainable = self.loss(phi, state.weights, batch, progress)
        gradients = tape.gradient(
            loss, trainable, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        gradients = [tf.convert_to_tensor(g) for g in gradients]
        trainable, slots = self.optimizer.update(
            gradients, state.slots, trainable, index
        )
        trainable = self.student.constrain(trainable)
        return TrainingState(StudentWeights(trainable, non_trainable), slots)
