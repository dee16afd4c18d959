"""Inner training as a layer, by unrolling."""

import contextlib
import math
from collections.abc import Sequence

import keras
import tensorflow as tf

from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.hypergradients.adjoint_scan import adjoint_scan, plain_scan
from tfcommentaries.hypergradients.inner_problem import InnerProblem
from tfcommentaries.hypergradients.loss_weighted_problem import inner_problem
from tfcommentaries.hypergradients.split_problem import SplitProblem
from tfcommentaries.hypergradients.training_layer import (
    TrainingLayer,
    number_of_steps,
)
from tfcommentaries.optimizers.any_keras_optimizer import AnyKerasOptimizer
from tfcommentaries.students.functional_student import FunctionalStudent
from tfcommentaries.typing import Optimizer
from tfcommentaries.upstream.graph_rewrites import MANY_VARIABLES
from tfcommentaries.upstream.private_names import inside_xla


class UnrolledTraining:
    """Backpropagation through training (Algorithm 1 of the paper).

    Forward, a student trains on `T` batches. Backward, an adjoint scan runs the steps
    again from the last to the first and takes one vector-Jacobian product at a time.
    The graph does not grow with `T`, and only the student's state (weights and
    optimizer slots) at some of the steps is kept. If everything that the steps compute
    fits into memory, it is kept, and no step runs again.

    Example:

    >>> train = UnrolledTraining().bind(commentary, student)
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(phi)
    ...     weights = train(phi, initial_weights, batches)
    ...     loss = outer_loss(weights, validation_batch)
    >>> hypergradient = tape.gradient(loss, phi)

    Args:
        optimizer: how the student trains: a Keras optimizer, its name, or an
            `InnerOptimizer`. `None` takes the student's own.
        checkpoint_interval: interval of the steps whose state is kept; the steps
            between run again. 1 keeps every state, 0 everything that a step computes.
            `None` takes the smallest of 0, 1 and the square root of `T` whose memory,
            by the shapes of the tensors, is within `memory_budget`; with the square
            root, memory grows like the root of `T`. `None` does not take 0 inside XLA,
            where recurrent layers and attention would not compile, nor for students
            with 100 variables or more, which would take long to trace.
        truncate: differentiate only the last `truncate` steps; the state before them
            counts as constant. `None` differentiates all. Truncation takes less time
            and memory and is more stable, but biased towards short-term effects.
        memory_budget: largest size, in bytes, of the tensors that are kept. Defaults to
            1 GiB.
        eps_root: if a Keras Adam or AdamW trains the student, what is added under
            its root. The derivative of Adam's step is largest for weights whose
            gradient is nearly zero, and they would drown the rest; 1e-8 damps
            them, and makes their steps smaller. 1e-20 is Keras's own Adam.
        devices: names of devices that share each training batch of one student, such
            as `("GPU:0", "GPU:1")`, where one has too little memory. Batch
            normalisation takes the statistics of a part. Not under a strategy, which
            gives each device students of its own, and not with XLA.

    Reference:
        [Maclaurin et al., Gradient-based Hyperparameter Optimization through
        Reversible Learning](https://arxiv.org/abs/1502.03492);
        [Chen et al., Training Deep Nets with Sublinear Memory Cost](
            https://arxiv.org/abs/1604.06174)
    """

    def __init__(
        self,
        optimizer: Optimizer = None,
        checkpoint_interval: int | None = None,
        truncate: int | None = None,
        memory_budget: int = 2**30,
        eps_root: float = 1e-8,
        devices: Sequence[str] = (),
    ) -> None:
        for name, value, least in (
            ("checkpoint_interval", checkpoint_interval, 0),
            ("truncate", truncate, 1),
        ):
            if value is not None and value < least:
                raise ValueError(
                    f"`{name}` must be at least {least}, or None. "
                    f"Received: {name}={value}"
                )
        self.optimizer = optimizer
        self.checkpoint_interval = checkpoint_interval
        self.truncate = truncate
        self.memory_budget = memory_budget
        self.eps_root = eps_root
        self.devices = devices

    def __repr__(self):
        given = f"{self.checkpoint_interval!r}, truncate={self.truncate!r}"
        return f"UnrolledTraining(checkpoint_interval={given})"

    def bind(self, commentary: Commentary, student: FunctionalStudent) -> TrainingLayer:
        """Makes the layer for one commentary and one student.

        Args:
            commentary: a built `Commentary`, or `None` to train without one.
            student: a built `FunctionalStudent`.

        Returns:
            A `TrainingLayer`.

        Raises:
            ValueError: if no gradient flows through the optimizer's steps.
        """
        parts = commentary, student, self.optimizer, self.eps_root
        if self.devices:
            problem: InnerProblem = SplitProblem(self.devices, *parts)
        else:
            problem = inner_problem(*parts)
        if isinstance(problem.optimizer, AnyKerasOptimizer):
            problem.optimizer.check_derivative()
        return UnrolledLayer(problem, self)


class UnrolledLayer(TrainingLayer):
    """The layer of an `UnrolledTraining`.

    Args:
        problem: `InnerProblem`.
        options: the `UnrolledTraining`.
    """

    def __init__(self, problem, options):
        super().__init__(problem)
        self.options = options

    def train(
        self,
        annotations,
        state,
        batches,
        first_step=0,
        measure=None,
        parameters=(),
    ):
        parameters = list(parameters)
        state = self.problem.joined(state)
        step = self.step_of(state, batches, first_step, measure)
        flat = tf.nest.flatten(state)
        if measure is not None:
            flat = [*flat, tf.constant(0, keras.config.floatx())]
        start, stop = 0, number_of_steps(batches)
        if self.options.truncate is not None:
            first = stop - self.options.truncate
            start = max(first, 0) if isinstance(first, int) else tf.maximum(first, 0)
            flat = plain_scan(step, parameters, annotations, flat, 0, start)
            flat = [tf.stop_gradient(s) for s in flat]
        flat = self._scan(step, parameters, annotations, flat, start, stop)
        if measure is None:
            return self.problem.parted(tf.nest.pack_sequence_as(state, flat))
        *flat, total = flat
        state = self.problem.parted(tf.nest.pack_sequence_as(state, flat))
        return state, total / tf.cast(stop, total.dtype)

    def _scan(self, step, parameters, annotations, flat, start, stop):
        """All steps from `start` to `stop`, differentiably."""
        most = self._most_bytes_of_step(flat, stop - start)
        if most:
            with contextlib.suppress(_TooLarge):
                body = _limited(step, most, parameters, annotations, flat)
                return plain_scan(body, parameters, annotations, flat, start, stop)
        interval = self._interval(flat, stop - start)
        return adjoint_scan(step, parameters, annotations, flat, start, stop, interval)

    def _most_bytes_of_step(self, flat, count):
        """How much each of `count` steps may keep if all is kept; 0 if not all is."""
        if self.options.checkpoint_interval is not None:
            return math.inf if self.options.checkpoint_interval == 0 else 0
        budget = self.options.memory_budget
        if not isinstance(count, int) or count * _bytes(flat) > budget:
            return 0
        many = len(self.problem.student.model.variables) >= MANY_VARIABLES
        return 0 if many or inside_xla() else budget / max(count, 1)

    def _interval(self, flat, steps):
        """How far apart states are kept."""
        if self.options.checkpoint_interval is not None:
            return self.options.checkpoint_interval
        fitting = self.options.memory_budget // max(_bytes(flat), 1)
        if isinstance(steps, int):
            return 1 if steps <= fitting else math.isqrt(max(steps - 1, 0)) + 1
        root = tf.cast(tf.math.ceil(tf.sqrt(tf.cast(steps, tf.float32))), tf.int32)
        return tf.where(tf.cast(steps, tf.int64) <= fitting, 1, tf.maximum(root, 1))


def _bytes(tensors):
    return sum(t.shape.num_elements() * t.dtype.size for t in tensors)


class _TooLarge(Exception):
    """One step's tape would keep too much."""


def _limited(step, most, parameters, annotations, flat):
    """The same step for `plain_scan`, unless it is too large.

    Args:
        step: `tf.function`.
        most: bytes that its tape may keep, by an estimate.
        parameters: list of what every step sees.
        annotations: list of the annotations of all steps.
        flat: the state before the first step.

    Raises:
        _TooLarge: if it keeps more; in a graph, when the step is traced in the loop.
    """
    if tf.executing_eagerly():
        first = [a[0] for a in annotations]
        traced = step.get_concrete_function(parameters, first, flat, tf.constant(0))
        if _bytes_kept(traced.graph.get_operations()) > most:
            raise _TooLarge
        return step

    def checked(*arguments):
        # Not a function: XLA compiles no derivative of a loop around one, and making
        # that derivative takes a tenth longer.
        graph = tf.compat.v1.get_default_graph()
        begin = len(graph.get_operations())
        after = step.python_function(*arguments)
        if _bytes_kept(graph.get_operations()[begin:]) > most:
            raise _TooLarge
        return after

    return checked


def _bytes_kept(operations):
    """Estimates what the tape of a step keeps; infinite for unknown shapes.

    Args:
        operations: list of `tf.Operation`, those of the step.
    """
    # What comes in, such as the data of all steps, is there anyway.
    computed = [op for op in operations if op.type != "Placeholder"]
    floats = [t for op in computed for t in op.outputs if t.dtype.is_floating]
    if not all(t.shape.is_fully_defined() for t in floats):
        return math.inf
    # Of all that is computed, derivatives use about a quarter (measured on students
    # with batch normalisation).
    return _bytes(floats) / 4
