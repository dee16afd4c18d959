"""Checks what a SavedModel could do before it is loaded."""

import os
import re

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

#: Parts of the names of operations that touch files, processes or the network.
_REFUSED = re.compile(
    "File|Reader|Writer|Dataset|Save|Restore|Checkpoint|PyFunc|Debug|Rpc|Proto|Sql"
    "|Summary|PrintV2"
)
#: What TensorFlow itself writes into each SavedModel, to fill its variables.
_OF_TENSORFLOW = {"MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename"}


def check_graph(path):
    """Raises if a SavedModel has operations that no annotation needs.

    This finds what is plainly out of place. It does not make a SavedModel from an
    untrusted source safe: a graph is a program.

    Args:
        path: directory of the SavedModel.

    Raises:
        ValueError: if one of its functions can read or write files, run Python, or
            reach the network, by the names of its operations.
    """
    message = saved_model_pb2.SavedModel()
    with tf.io.gfile.GFile(os.path.join(path, "saved_model.pb"), "rb") as file:
        try:
            message.ParseFromString(file.read())
        except Exception as error:
            raise ValueError(f"The SavedModel at {path} cannot be read: {error}") from (
                error
            )
    found = set()
    for graph in message.meta_graphs:
        functions = {f.signature.name: f for f in graph.graph_def.library.function}
        found.update(_refused(graph.graph_def.node) - _OF_TENSORFLOW)
        reached = set()
        waiting = set(graph.object_graph_def.concrete_functions) & set(functions)
        while waiting:
            name = waiting.pop()
            reached.add(name)
            nodes = functions[name].node_def
            found.update(_refused(nodes))
            waiting |= (_called(nodes) & set(functions)) - reached
    if found:
        raise ValueError(
            f"The SavedModel at {path} has the operations {sorted(found)}, which can "
            "reach files, processes or the network. No commentary needs them: do not "
            "load this one. If it is yours, leave them out of its teacher."
        )


def _refused(nodes):
    return {node.op for node in nodes if _REFUSED.search(node.op)}


def _called(nodes):
    """Names of the functions that nodes call."""
    names = set()
    for node in nodes:
        names.add(node.op)
        for value in node.attr.values():
            names.add(value.func.name)
            names.update(function.name for function in value.list.func)
    return names
