"""Whether a student's step can be repeated."""

import contextlib

import tensorflow as tf

#: TensorFlow's operations whose state is hidden; Keras's layers use stateless ones.
_RANDOM = {
    "Multinomial",
    "ParameterizedTruncatedNormal",
    "RandomGamma",
    "RandomPoissonV2",
    "RandomShuffle",
    "RandomStandardNormal",
    "RandomUniform",
    "RandomUniformInt",
    "TruncatedNormal",
}


def check_repeats(student, x, y):
    """Raises a `ValueError` if the same step with the same weights may differ.

    Steps are repeated to differentiate them; plain training does not need that.

    Args:
        student: `FunctionalStudent`, built.
        x: a batch of inputs.
        y: its labels.

    Raises:
        ValueError: if random numbers do not repeat, or a layer changes weights.
    """
    weights = student.weights
    # What Python draws differs between calls; what TensorFlow draws, where
    # `refused_draws` looks, is in the graph.
    (first, after), (second, _) = (student.loss(weights, x, y) for _ in range(2))
    student.note_unchanging(weights, after)
    if abs(float(first) - float(second)) > 1e-4 * abs(float(first)):
        raise ValueError(_refusal(student.model))


@contextlib.contextmanager
def refused_draws(model):
    """Context in which a student runs, and in a graph may not draw what differs.

    Args:
        model: the `keras.Model`.

    Raises:
        ValueError: on exit, if there are random numbers that do not repeat.
    """
    graph = None
    if not tf.executing_eagerly():
        graph = tf.compat.v1.get_default_graph()
        version = graph.version
    yield
    if graph is not None and _draws(graph.as_graph_def(from_version=version)):
        raise ValueError(_refusal(model))


def _draws(definition):
    """Whether a graph has random numbers that differ each time."""
    nodes = [*definition.node]
    for function in definition.library.function:
        nodes += function.node_def
    return any(node.op in _RANDOM for node in nodes)


def _refusal(model):
    return (
        f"The student {model.name!r} draws random numbers that do not repeat, so its "
        "training cannot be differentiated. They must come from a "
        "`keras.random.SeedGenerator` of its layers; `AugMix` does not do that: apply "
        "it in the input pipeline."
    )
