"""Checks the operations of a SavedModel before it is loaded."""

import os

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfcommentaries.saving.operations import OPERATIONS

#: What else TensorFlow's own functions have that save and restore variables.
_OF_SAVING = {"MergeV2Checkpoints", "SaveV2", "ShardedFilename"}
_OF_RESTORING = {"RestoreV2"}
#: Those of `OPERATIONS` that call functions.
CALLING = {
    "Case",
    "If",
    "PartitionedCall",
    "StatefulPartitionedCall",
    "StatelessCase",
    "StatelessIf",
    "StatelessWhile",
    "While",
}
_allowed: set[str] = set()


def allow_operations(*names: str) -> None:
    """Allows further operations in the graphs of commentaries, in this process.

    Export and loading only accept graphs whose operations compute. Call this function
    for other operations that your teacher needs, such as one of your own package. Know
    what they do: some write any file that a graph names.

    Example:

    >>> saving.allow_operations("PrintV2")

    Args:
        *names: names of operations, as in the error.
    """
    _allowed.update(names)


def load_graph(path):
    """Loads a SavedModel after checking its operations.

    The check finds operations that are plainly out of place. It does not make a
    SavedModel from an untrusted source safe: a graph is a program.

    Args:
        path: directory of the SavedModel.

    Returns:
        What `tf.saved_model.load` gives.

    Raises:
        ValueError: if it has operations that are not allowed, or cannot be read.
    """
    check_graph(path)
    try:
        return tf.saved_model.load(os.fspath(path))
    except Exception as error:  # Of any type: the file may say anything.
        raise _damaged(path, error) from error


def check_graph(path):
    """Raises if a SavedModel has operations that no annotation needs.

    Args:
        path: directory of the SavedModel.

    Raises:
        ValueError: if one of its functions, nested ones included, has an operation
            that is neither in `OPERATIONS` nor allowed by `allow_operations`, or if
            the file cannot be read.
    """
    message = saved_model_pb2.SavedModel()
    try:
        with tf.io.gfile.GFile(os.path.join(path, "saved_model.pb"), "rb") as file:
            message.ParseFromString(file.read())
    except Exception as error:
        raise _damaged(path, error) from error
    found = set().union(*map(_not_allowed, message.meta_graphs))
    if found:
        names = ", ".join(sorted(found)[:5]) + ", ..." * (len(found) > 5)
        raise ValueError(
            f"The graph of {path} has operations that no commentary needs ({names}): "
            "they may reach files, processes or the network. Do not load it. If it is "
            "your own, leave them out of its teacher, or allow them with "
            f"`tfcommentaries.saving.allow_operations({sorted(found)[0]!r})`."
        )


def _not_allowed(graph):
    """Names of the operations of a graph and of its functions that are not allowed."""
    functions = {f.signature.name: f.node_def for f in graph.graph_def.library.function}
    saver = graph.saver_def
    saving, restoring = saver.save_tensor_name.split(":")[0], saver.restore_op_name
    nodes = [n for n in graph.graph_def.node if n.name not in (saving, restoring)]
    # Functions that only TensorFlow's saver calls may use the file that it gives them.
    elsewhere = set(graph.object_graph_def.concrete_functions) | _called(nodes)
    elsewhere = elsewhere.union(*map(_called, functions.values()))
    used = {name.lstrip("^").split(":")[0] for node in nodes for name in node.input}
    for signature in graph.signature_def.values():
        used.update(out.name.split(":")[0] for out in signature.outputs.values())
    more = {}
    for node in graph.graph_def.node:
        if node.name in (saving, restoring) and node.name not in used:
            for name in _called([node]) - elsewhere:
                more[name] = _OF_SAVING if node.name == saving else _OF_RESTORING
    allowed = OPERATIONS | _allowed
    found = {node.op for node in graph.graph_def.node} - allowed
    for name, body in functions.items():
        found |= {node.op for node in body} - allowed - more.get(name, set())
    return found


def _called(nodes):
    """Names of the functions that nodes may call."""
    names = {node.op for node in nodes}
    for node in nodes:
        if node.op in CALLING or node.op not in OPERATIONS:
            for value in node.attr.values():
                names.add(value.func.name)
                names.update(function.name for function in value.list.func)
    return names


def _damaged(path, error):
    return ValueError(
        f"The SavedModel at {path} is damaged and cannot be read "
        f"({type(error).__name__}: {' '.join(str(error).split())[:150]}). Export or "
        "copy it again."
    )
