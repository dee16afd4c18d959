"""Training in which the weight of an example follows from the student's own loss."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.hypergradients.inner_problem import InnerProblem
from tfcommentaries.students.functional_student import FunctionalStudent, StudentWeights
from tfcommentaries.typing import Batch, Optimizer, Tensors


def inner_problem(
    commentary: Commentary | None,
    student: FunctionalStudent,
    optimizer: Optimizer = None,
    eps_root: float | None = None,
) -> InnerProblem:
    """The `InnerProblem` of a commentary; arguments as for the class."""
    by_losses = commentary is not None and commentary.uses_student_loss
    problem = LossWeightedProblem if by_losses else InnerProblem
    return problem(commentary, student, optimizer, eps_root)


class LossWeightedProblem(InnerProblem):
    """A student that trains with a commentary of its losses (`uses_student_loss`).

    There is nothing to annotate before training, so each step gets a copy of the
    commentary's weights.
    """

    of_losses = True

    def annotate(
        self, phi: Sequence[tf.Tensor], batches: Batch, progress: Tensors
    ) -> list[tf.Tensor]:
        x, _, _ = keras.utils.unpack_x_y_sample_weight(batches)
        steps = tf.shape(tf.nest.flatten(x)[0])[0]
        return [tf.repeat(p[None], steps, 0) for p in phi]

    def loss(
        self,
        annotation: list[tf.Tensor],
        weights: StudentWeights,
        batch: Batch,
        tape: tf.GradientTape | None = None,
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)

        def weigh(losses, sample_weight):
            if tape is None:
                return weigh_constant(tf.stop_gradient(losses), sample_weight)
            with tape.stop_recording():
                return weigh_constant(losses, sample_weight)

        def weigh_constant(losses, sample_weight):
            weights = self._call(annotation, losses)
            return self.commentary.apply(weights, x, y, sample_weight)[2]

        return self.student.loss(weights, x, y, sample_weight, weigh=weigh)

    def penalty(self, annotations: list[tf.Tensor]) -> tf.Tensor:
        return 0.0
