"""Inner training as a layer, by unrolling."""

import tensorflow as tf

from tfcommentaries.hypergradients.adjoint_scan import adjoint_scan, plain_scan
from tfcommentaries.hypergradients.inner_problem import InnerProblem
from tfcommentaries.hypergradients.training_layer import TrainingLayer


class UnrolledTraining:
    """Backpropagation through training (Algorithm 1 of the paper).

    Forward, a student trains on `T` batches. Backward, an adjoint scan runs the
    steps again from the last to the first and takes one vector-Jacobian product
    at a time. The graph does not grow with `T` and no activations are kept, only
    the student's state (weights and optimizer slots) at some of the steps.

    Example:

    >>> train = UnrolledTraining().bind(commentary, student)
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(phi)
    ...     weights = train(phi, initial_weights, batches)
    ...     loss = outer_loss(weights, validation_batch)
    >>> hypergradient = tape.gradient(loss, phi)

    Args:
        optimizer: how the student trains: a Keras optimizer, its name, or an
            `InnerOptimizer`. `None` takes the one the student was compiled with.
        checkpoint_interval: keep the state of every n-th step and run the steps
            between again. 1 keeps every state and is fastest. `None` is 1 where
            the states of all steps fit into `memory_budget`, and otherwise the
            square root of `T`, so that memory grows like it.
        truncate: differentiate only the last `truncate` steps; the state before
            them counts as constant. `None` differentiates all. Cheaper, smaller
            and stabler, and biased towards what helps at once.
        memory_budget: bytes that the kept states may take. Defaults to 256 MiB.
        eps_root: where a Keras Adam or AdamW trains the student, what is added
            under its root. The derivative of Adam's step is largest for weights
            whose gradient is nearly zero, and they would drown the rest; 1e-8 damps
            them, and makes their steps smaller. 1e-20 is Keras's own Adam.

    Reference:
        [Maclaurin et al., Gradient-based Hyperparameter Optimization through
        Reversible Learning](https://arxiv.org/abs/1502.03492);
        [Chen et al., Training Deep Nets with Sublinear Memory Cost](
            https://arxiv.org/abs/1604.06174)
    """

    def __init__(
        self,
        optimizer=None,
        checkpoint_interval=None,
        truncate=None,
        memory_budget=2**28,
        eps_root=1e-8,
    ):
        for name, value in (
            ("checkpoint_interval", checkpoint_interval),
            ("truncate", truncate),
        ):
            if value is not None and value < 1:
                raise ValueError(
                    f"`{name}` must be at least 1, or None. Received: {name}={value}"
                )
        self.optimizer = optimizer
        self.checkpoint_interval = checkpoint_interval
        self.truncate = truncate
        self.memory_budget = memory_budget
        self.eps_root = eps_root

    def bind(self, commentary, student):
        """Makes the layer for one commentary and one student.

        Args:
            commentary: a built `Commentary`, or `None` to train without one.
            student: a built `FunctionalStudent`.

        Returns:
            A `TrainingLayer`.
        """
        problem = InnerProblem(commentary, student, self.optimizer, self.eps_root)
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

    def train(self, annotations, state, batches, first_step=0):
        step = self.step_of(state, batches, first_step)
        flat = tf.nest.flatten(state)
        start = tf.constant(0)
        stop = tf.shape(tf.nest.flatten(batches)[0])[0]
        if self.options.truncate is not None:
            start = tf.maximum(stop - self.options.truncate, 0)
            flat = plain_scan(step, [], annotations, flat, 0, start)
            flat = [tf.stop_gradient(s) for s in flat]
        interval = self._interval(flat, stop - start)
        flat = adjoint_scan(step, [], annotations, flat, start, stop, interval)
        return tf.nest.pack_sequence_as(state, flat)

    def _interval(self, flat, steps):
        if self.options.checkpoint_interval is not None:
            return tf.constant(self.options.checkpoint_interval)
        size = sum(s.shape.num_elements() * s.dtype.size for s in flat)
        root = tf.sqrt(tf.cast(tf.maximum(steps, 1), tf.float32))
        root = tf.cast(tf.math.ceil(root), tf.int32)
        fitting = self.options.memory_budget // max(size, 1)
        return tf.where(tf.cast(steps, tf.int64) <= fitting, 1, root)
