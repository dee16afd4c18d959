"""What a model outputs, and the loss and metrics for it and its labels."""

import keras
import numpy as np

_PROBABILITIES = "softmax", "sigmoid"


def gives_probabilities(model):
    """Whether a model ends with a softmax or a sigmoid; else it gives logits.

    Args:
        model: a `keras.Model`. One that is not a graph of layers, a subclass, cannot
            be looked into.

    Returns:
        A boolean; `None` if it is not known.
    """
    layer = model
    while isinstance(layer, keras.Model):
        outputs = getattr(layer, "outputs", None) if layer.built else None
        if not outputs or len(outputs) > 1:
            return None
        layer = outputs[0]._keras_history.operation
    if isinstance(layer, keras.layers.Softmax):
        return True
    activation = getattr(layer, "activation", None)
    name = getattr(activation, "__name__", type(activation).__name__)
    return name.lower() in _PROBABILITIES or type(layer).__name__.lower() in (
        _PROBABILITIES
    )


def threshold(model):
    """The output above which the second of two classes is the likelier one.

    Args:
        model: a compiled `keras.Model` with one output.

    Returns:
        0.0 for logits, 0.5 for probabilities and for numbers between two labels;
        `None` if it is not known, as only a loss of the user's own knows it.
    """
    loss = model.loss
    if not isinstance(loss, list | tuple | dict):
        loss = keras.losses.get(loss)
    logits = getattr(loss, "from_logits", None)
    if logits is not None:
        return 0.0 if logits else 0.5
    function = type(loss) if isinstance(loss, keras.Loss) else loss
    if getattr(function, "__module__", "").startswith("keras."):
        return 0.0 if "hinge" in function.__name__.lower() else 0.5
    return 0.5 if gives_probabilities(model) else None


def classes_of(y, outputs):
    """The class of each example, if labels are one class for each.

    Args:
        y: labels in any form that a loss takes, an array `(examples, ...)`.
        outputs: a model's outputs for them, an array `(examples, ...)`.

    Returns:
        Integers `(examples,)`, 0 and 1 for two classes with one output; `None` if
        labels are numbers, or several for each example.
    """
    if outputs.ndim != 2:
        return None
    if y.shape == outputs.shape and outputs.shape[1] > 1:
        shares = y.min() >= 0 and np.allclose(y.sum(1), 1, atol=1e-3)
        return y.argmax(1) if shares else None
    if y.size != len(outputs) or (y != np.round(y)).any():
        return None
    y = y.reshape(-1).astype(int)
    if outputs.shape[1] > 1:
        return y
    return (y > 0).astype(int) if {*y} <= {0, 1} or {*y} <= {-1, 1} else None


def loss_for(model, labels):
    """A new loss for a model that has none.

    Args:
        model: a `keras.Model` with one output.
        labels: `"classes"`, `"distributions"` over classes, or `"numbers"`.

    Returns:
        A `keras.losses.Loss`: for classes with one output the binary one.
    """
    losses = keras.losses
    if labels == "numbers":
        return losses.MeanSquaredError()
    if labels == "distributions":
        loss = losses.CategoricalCrossentropy
    elif _has_one_output(model):
        loss = losses.BinaryCrossentropy
    else:
        loss = losses.SparseCategoricalCrossentropy
    return loss(from_logits=not gives_probabilities(model))


def metrics_for(model, labels):
    """New metrics for a model, by its labels; arguments as for `loss_for`.

    Returns:
        A list: `mae` for numbers, else `accuracy`, and with one output `auc` too.
    """
    if labels == "numbers":
        return ["mae"]
    if not _has_one_output(model):
        return ["accuracy"]
    logits = not gives_probabilities(model)
    return [
        keras.metrics.BinaryAccuracy("accuracy", threshold=0.0 if logits else 0.5),
        keras.metrics.AUC(from_logits=logits, name="auc"),
    ]


def _has_one_output(model):
    shape = getattr(model, "output_shape", None)
    return isinstance(shape, tuple) and len(shape) == 2 and shape[1] == 1
