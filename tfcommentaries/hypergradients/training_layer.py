"""What all differentiable forms of inner training have in common."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfcommentaries.hypergradients.inner_problem import InnerProblem, TrainingState
from tfcommentaries.students.functional_student import StudentWeights
from tfcommentaries.typing import Batch, Tensors


class TrainingLayer:
    """A function from a commentary's and initial weights to trained weights.

    Subclasses define in `train` how gradients flow back.

    Args:
        problem: `InnerProblem`.
    """

    def __init__(self, problem: InnerProblem) -> None:
        self.problem = problem

    @tf.autograph.experimental.do_not_convert
    def __call__(
        self,
        phi: Sequence[tf.Tensor],
        weights: StudentWeights,
        batches: Batch,
        progress: Tensors = None,
    ) -> StudentWeights:
        """Trains a student.

        Args:
            phi: list of tensors, the commentary's weights.
            weights: `StudentWeights` to start from.
            batches: `(x, y)` or `(x, y, sample_weight)`, each `(T, batch, ...)`
                or a structure of such.
            progress: `(T,)`, training progress at each step. `None` means
                `0, 1/T, ... (T-1)/T`.

        Returns:
            The `StudentWeights` after `T` steps. Gradients flow to `phi` and, if
            the whole training is unrolled, to `weights`.
        """
        state = self.problem.initial_state(weights)
        return self.go_on(phi, state, batches, progress).weights

    @tf.autograph.experimental.do_not_convert
    def go_on(
        self,
        phi: Sequence[tf.Tensor],
        state: TrainingState,
        batches: Batch,
        progress: Tensors = None,
        first_step: int | tf.Tensor = 0,
        measure: Callable[..., tf.Tensor] | None = None,
        parameters: Sequence[tf.Tensor] = (),
    ) -> Any:
        """Continues a training.

        Args:
            phi: as for `__call__`.
            state: `TrainingState` to start from.
            batches: as for `__call__`.
            progress: as for `__call__`.
            first_step: integer scalar, how many steps the optimizer has made.
            measure: function from `StudentWeights` and `parameters` to a scalar,
                float32, called after every step; see Returns. Gradients flow through
                these alone.
            parameters: list of tensors that `measure` depends on besides the weights.

        Returns:
            The `TrainingState` after `T` more steps. With `measure`,
            `(state, mean)`, where the mean is over the steps and differentiable.
        """
        batches, progress = stack_of_steps(batches, progress)
        phi = [tf.convert_to_tensor(p) for p in phi]
        annotations = self.problem.annotate(phi, batches, progress)
        return self.train(annotations, state, batches, first_step, measure, parameters)

    def train(
        self,
        annotations,
        state,
        batches,
        first_step=0,
        measure=None,
        parameters=(),
    ):
        """Trains a student whose batches are annotated.

        Args:
            annotations: from `InnerProblem.annotate`.
            state: `TrainingState` to start from.
            batches: as for `__call__`, tensors.
            first_step: integer scalar, how many steps the optimizer has made.
            measure: as for `go_on`.
            parameters: as for `go_on`.

        Returns:
            As `go_on`.
        """
        raise NotImplementedError

    def step_of(self, state, batches, first_step, measure=None):
        """One training step in the form that `adjoint_scan` takes.

        It is a `tf.function`, traced once for all loops that call it, and its
        derivative once.

        With `measure` the last tensor of the flat state is the sum of its values.
        The rest is that of a `TrainingState` or a `JoinedState`.
        """
        count = len(tf.nest.flatten(state))

        @tf.function(autograph=False)
        def step(parameters, annotation, flat, index):
            # A function is differentiated by all that it sees, also what nobody asks.
            batch = tf.nest.map_structure(lambda t: tf.stop_gradient(t[index]), batches)
            new = self.problem.step(
                annotation,
                tf.nest.pack_sequence_as(state, flat[:count]),
                batch,
                index + first_step,
            )
            sums = [
                total + measure(self.problem.parted(new).weights, *parameters)
                for total in flat[count:]
            ]
            return tf.nest.flatten(new) + sums

        return step


def stack_of_steps(batches, progress=None):
    """Checks and completes the batches of an inner training.

    Args:
        batches: `(x, y)` or `(x, y, sample_weight)`, each `(T, batch, ...)`.
        progress: `(T,)` or `None`.

    Returns:
        `(batches, progress)`, all tensors.

    Raises:
        ValueError: if the leading axes differ.
    """
    if not isinstance(batches, tuple | list) or len(batches) not in (2, 3):
        raise ValueError(
            "`batches` must be (x, y) or (x, y, sample_weight), each with a leading "
            f"axis of inner steps. Received: {batches!r}"
        )
    if len(batches) == 3 and batches[2] is None:
        batches = batches[:2]
    batches = tf.nest.map_structure(tf.convert_to_tensor, tuple(batches))
    lengths = {t.shape[0] for t in tf.nest.flatten(batches)} - {None}
    if len(lengths) > 1:
        raise ValueError(
            "All of `batches` must have the same number of inner steps on the first "
            f"axis. Received: {sorted(lengths)}"
        )
    if progress is None:
        steps = number_of_steps(batches)
        progress = tf.range(steps, dtype=tf.float32) / tf.cast(steps, tf.float32)
    return batches, tf.convert_to_tensor(progress, tf.float32)


def number_of_steps(batches):
    """Number of steps: an integer if the first axis is known, as XLA needs it.

    Args:
        batches: a structure of tensors `(T, ...)`.
    """
    first = tf.nest.flatten(batches)[0]
    known = first.shape[0]
    return tf.shape(first)[0] if known is None else known
