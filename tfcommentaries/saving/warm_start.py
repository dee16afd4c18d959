"""Continuing from a commentary that was exported."""

from tfcommentaries.saving.graph_check import load_graph
from tfcommentaries.saving.manifest import read_manifest


def load_weights(commentary, path):
    """Gives a commentary the weights of an exported one, to learn it further.

    Args:
        commentary: a `Commentary` that has been called, made like the exported one.
        path: directory of the SavedModel.

    Raises:
        FileNotFoundError: if there is no SavedModel.
        ValueError: if it is not a commentary, or one with other weights.
    """
    read_manifest(path)
    values = load_graph(path).trainable_variables
    variables = commentary.trainable_variables
    shapes = [[tuple(v.shape) for v in part] for part in (variables, values)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"The commentary at {path} has weights of shapes {shapes[1]}, but "
            f"{commentary.name!r} has {shapes[0]}. Make it with the same class, "
            "teacher and number of classes."
        )
    for variable, value in zip(variables, values):
        variable.assign(value)
