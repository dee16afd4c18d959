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
    student.unchanging.see(weights, after)
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
    graph = None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
    begin = graph and len(graph.get_operations())
    yield
    if graph and _draws(graph, graph.get_operations()[begin:]):
        raise ValueError(_refusal(model))


def _draws(graph, operations):
    """Whether operations of a graph, or functions that they call, draw what differs."""
    kinds = {operation.type: operation for operation in operations}
    if _RANDOM.intersection(kinds):
        return True
    if not any(map(_calls, kinds.values())):
        return False  # Graphs may hold large constants.
    definition = graph.as_graph_def()
    functions = {f.signature.name: f.node_def for f in definition.library.function}
    names = {operation.name for operation in operations}
    nodes = [node for node in definition.node if node.name in names]
    for node in nodes:  # Which grows.
        if node.op in _RANDOM:
            return True
        for value in node.attr.values():
            for called in value.func, *value.list.func:
                nodes += functions.pop(called.name, ())
    return False


def _calls(operation):
    """Whether operations of this kind call functions."""
    return any("func" in attribute.type for attribute in operation.op_def.attr)


def _refusal(model):
    return (
        f"The student {model.name!r} draws random numbers that do not repeat, so its "
        "training cannot be differentiated. They must come from a "
        "`keras.random.SeedGenerator` of its layers; `AugMix` does not do that: apply "
        "it in the input pipeline."
    )
