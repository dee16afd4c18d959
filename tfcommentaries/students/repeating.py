"""Whether a student's step can be repeated."""

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
    # What Python draws differs between calls; what TensorFlow draws is in the graph.
    first, second = (float(student.loss(weights, x, y)[0]) for _ in range(2))
    graph = student.traced_loss(x, y)
    if abs(first - second) > 1e-4 * abs(first) or _draws(graph):
        raise ValueError(
            f"The student {student.model.name!r} draws random numbers that do not "
            "repeat, so its training cannot be differentiated. They must come from a "
            "`keras.random.SeedGenerator` of its layers; `AugMix` does not do that: "
            "apply it in the input pipeline."
        )


def _draws(graph):
    """Whether a graph has random numbers that differ each time."""
    definition = graph.as_graph_def()
    nodes = [*definition.node]
    for function in definition.library.function:
        nodes += function.node_def
    return any(node.op in _RANDOM for node in nodes)
