"""Continuing from a commentary that was exported."""

import keras

from tfcommentaries.saving.graph_check import load_graph
from tfcommentaries.saving.manifest import read_manifest


def load_weights(commentary, path):
    """Gives a commentary the weights of an exported one, to continue learning.

    Rows that have names, such as those of a `GroupWeighting`, are matched by name.

    Args:
        commentary: a `Commentary` that has been called, of the exported one's class.
        path: directory of the SavedModel.

    Returns:
        A dict of the differences between both; see `Commentary.take_over`.

    Raises:
        FileNotFoundError: if there is no SavedModel.
        ValueError: if it is not a commentary, or one of another kind or with other
            weights.
    """
    manifest = read_manifest(path)
    name = keras.saving.get_registered_name(type(commentary))
    found = manifest["class_name"]
    if found != name:
        raise ValueError(
            f"The commentary at {path} is of the class {found}, but this one is "
            f"of {name}. Start from one of the same class, or anew."
        )
    values = load_graph(path).trainable_variables
    try:
        return commentary.take_over(list(values), manifest["teaching_config"])
    except ValueError as error:
        raise ValueError(
            f"Learning cannot start from the commentary at {path}. {error}"
        ) from error
