"""TensorFlow's errors about graphs, in plain sentences."""

import contextlib
import re

import tensorflow as tf

from tfcommentaries.upstream.index_check import MESSAGES


@contextlib.contextmanager
def plain_errors(model, twice=True):
    """Context in which errors of training graphs say what is wrong and how to fix it.

    TensorFlow 2.16 to 2.21 names operations, not the layer of Keras that they belong
    to, and buries messages of checks in tensors and stacks. Not reported as a fault.

    Args:
        model: the `keras.Model` that trains.
        twice: whether its training is differentiated.

    Raises:
        ValueError: if an operation has no second derivative, or XLA cannot compile it;
            it names the layer.
        tf.errors.InvalidArgumentError: with only the message, if a check of this
            package in the graph failed, such as that of labels.
    """
    try:
        yield
    except LookupError as error:
        # Inside functions the registry itself raises, without the place.
        found = re.search(r"'([^']+)' \(op type: (\w+)\)", str(error)) or re.search(
            r"(no entry for): (\w+)", str(error)
        )
        if found is None or not twice:
            raise
        path, operation = found.groups()
        raise ValueError(
            f"{_layer(model, path)} of the model {model.name!r} uses an operation that "
            f"TensorFlow cannot differentiate twice ({operation} has no gradient). "
            "Learn with `ImplicitTraining(products='finite_difference')`, or use "
            "another layer."
        ) from error
    except tf.errors.InvalidArgumentError as error:
        if "when trying to compile" in str(error) or "tf2xla" in str(error):
            raise ValueError(_not_compiled(model, str(error))) from error
        found = re.search(r"assertion failed: \[(.+?)\](?: \[|\s)", str(error), re.S)
        if found is None or found[1] not in MESSAGES:
            raise
        raise tf.errors.InvalidArgumentError(None, None, found[1]) from error


def _not_compiled(model, message):
    """What to say of an error of XLA's compiler."""
    path = re.search(r"node [`']?\{?\{?(?:node )?([^`'}\s]+)", message)
    operation = re.search(r"with op (\w+)|on XLA_\w+: (\w+)", message)
    what = _layer(model, path[1]) if path else "A layer or the loss"
    why = f" ({operation[1] or operation[2]})" if operation else ""
    return (
        f"{what} of the model {model.name!r}, or its derivative, uses an operation "
        f"that XLA cannot compile{why}. Pass `jit_compile=False` to `compile`, or do "
        "its work in the input pipeline."
    )


def _layer(model, path):
    """The innermost layer whose name is in the path of an operation."""
    for part in reversed(path.split("/")[:-1]):
        for layer in model._flatten_layers(include_self=False):
            if re.fullmatch(re.escape(layer.name) + r"(_\d+)?", part):
                return f"The layer {layer.name!r} ({type(layer).__name__})"
    return "A layer or the loss"
