"""Inner training as a layer that gradients flow through, by unrolling."""

import tensorflow as tf

from tfcommentaries.hypergradients.adjoint_scan import adjoint_scan, plain_scan
from tfcommentaries.hypergradients.inner_problem import InnerProblem
from tfcommentaries.optimizers import from_keras


class UnrolledTraining:
    """Backpropagation through training (Algorithm 1 of the paper).

    Forward, a student trains on `T` batches. Backward, an adjoint scan runs the
    steps again from the last to the first and takes one vector-Jacobian product
    at a time. The graph does not grow with `T` and no activations are kept, only
    the student's state at every `checkpoint_interval`-th step.

    Example:

    >>> train = UnrolledTraining().bind(commentary, student)
    >>> with tf.GradientTape() as tape:
    ...     weights = train(phi, initial_weights, batches)
    ...     loss = outer_loss(weights, validation_batch)
    >>> hypergradient = tape.gradient(loss, phi)

    Args:
        optimizer: how the student trains: a Keras optimizer, its name, or an
            `InnerOptimizer`. `None` takes the one the student was compiled with.
        checkpoint_interval: keep the state of every n-th step and run the steps
            between again. `None` means the square root of `T`, so that memory
            grows like it. 1 keeps every state and is fastest.
        truncate: differentiate only the last `truncate` steps; the state before
            them counts as constant. `None` differentiates all. Cheaper, smaller
            and stabler, and biased towards what helps at once.

    Reference:
        [Maclaurin et al., Gradient-based Hyperparameter Optimization through
        Reversible Learning](https://arxiv.org/abs/1502.03492);
        [Chen et al., Training Deep Nets with Sublinear Memory Cost](
            https://arxiv.org/abs/1604.06174)
    """

    def __init__(self, optimizer=None, checkpoint_interval=None, truncate=None):
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

    def bind(self, commentary, student):
        """Makes the layer for one commentary and one student.

        Args:
            commentary: a built `Commentary`.
            student: a built `FunctionalStudent`.

        Returns:
            A function `train(phi, weights, batches, progress=None)`; see
            `UnrolledLayer.__call__`.
        """
        model = student.model
        optimizer = model.optimizer if self.optimizer is None else self.optimizer
        optimizer = from_keras(optimizer, model.trainable_variables)
        problem = InnerProblem(commentary, student, optimizer)
        return UnrolledLayer(problem, self.checkpoint_interval, self.truncate)


class UnrolledLayer:
    """A differentiable function from `phi` and initial to trained weights.

    Args:
        problem: `InnerProblem`.
        checkpoint_interval: as for `UnrolledTraining`.
        truncate: as for `UnrolledTraining`.
    """

    def __init__(self, problem, checkpoint_interval=None, truncate=None):
        self.problem = problem
        self.checkpoint_interval = checkpoint_interval
        self.truncate = truncate

    @tf.autograph.experimental.do_not_convert
    def __call__(self, phi, weights, batches, progress=None):
        """Trains a student.

        Args:
            phi: list of tensors, the commentary's weights.
            weights: `StudentWeights` to start from.
            batches: `(x, y)` or `(x, y, sample_weight)`, each `(T, batch, ...)`
                or a structure of such.
            progress: `(T,)`, how far training is at each step. `None` means
                `0, 1/T, ... (T-1)/T`.

        Returns:
            The `StudentWeights` after `T` steps. Gradients flow to `phi` and to
            `weights`; with `truncate`, only to `phi`.
        """
        batches, progress = stack_of_steps(batches, progress)
        initial = self.problem.initial_state(weights)

        def step(phi, state, index):
            state = self.problem.step(
                phi,
                tf.nest.pack_sequence_as(initial, state),
                tf.nest.map_structure(lambda t: t[index], batches),
                progress[index],
                index,
            )
            return tf.nest.flatten(state)

        phi = [tf.convert_to_tensor(p) for p in phi]
        state = tf.nest.flatten(initial)
        stop = tf.shape(progress)[0]
        start = tf.constant(0)
        if self.truncate is not None:
            start = tf.maximum(stop - self.truncate, 0)
            state = [
                tf.stop_gradient(s) for s in plain_scan(step, phi, state, 0, start)
            ]
        interval = self.checkpoint_interval
        if interval is None:
            root = tf.sqrt(tf.cast(tf.maximum(stop - start, 1), tf.float32))
            interval = tf.cast(tf.math.ceil(root), tf.int32)
        state = adjoint_scan(step, phi, state, start, stop, interval)
        return tf.nest.pack_sequence_as(initial, state).weights


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
    lengths = {t.shape[0] for t in tf.nest.flatten(batches)}
    if len(lengths - {None}) > 1:
        raise ValueError(
            "All of `batches` must have the same number of inner steps on the first "
            f"axis. Received: {sorted(lengths - {None})}"
        )
    if progress is None:
        steps = tf.shape(tf.nest.flatten(batches)[0])[0]
        progress = tf.range(steps, dtype=tf.float32) / tf.cast(steps, tf.float32)
        progress.set_shape([next(iter(lengths))])
    return batches, tf.convert_to_tensor(progress, tf.float32)
