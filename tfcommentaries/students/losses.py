"""Each example's loss, by the loss that a model was compiled with."""

import keras
import tensorflow as tf

from tfcommentaries.upstream.private_names import LossFunctionWrapper


def as_loss(loss):
    """The `keras.Loss` that Keras makes of what `compile` takes.

    Names and functions would otherwise not take weights, nor labels without the last
    axis of outputs `(batch, 1)`.

    Args:
        loss: a `keras.Loss`, the name of one, or a function of labels and outputs.
    """
    loss = keras.losses.get(loss)
    if loss is None or isinstance(loss, keras.Loss):
        return loss
    return _FunctionLoss(loss)


class _FunctionLoss(LossFunctionWrapper):
    """Keras's own, which also lets a function see several outputs as they are."""

    def call(self, y_true, y_pred):
        if keras.tree.is_nested(y_pred):
            return self.fn(y_true, y_pred)
        return super().call(y_true, y_pred)


def example_losses(model, y, outputs):
    """Each example's loss, without regularisation.

    Args:
        model: a compiled `keras.Model` with one loss.
        y: labels `(batch, ...)`.
        outputs: the model's outputs for them.

    Returns:
        `(batch,)`.

    Raises:
        ValueError: if the model has several losses.
    """
    loss = model.loss
    if isinstance(loss, list | tuple | dict):
        raise ValueError(
            "Weighting by the student's loss needs a student with one output and one "
            f"loss. The student {model.name!r} was compiled with loss={loss!r}"
        )
    losses = tf.convert_to_tensor(as_loss(loss).call(y, outputs))
    losses = tf.reshape(losses, [tf.shape(losses)[0], -1])
    return tf.reduce_mean(losses, -1)


def check_takes_weights(model, y, outputs, weights):
    """Raises a `ValueError` if a model's loss cannot take the weights as they are.

    Args:
        model: a compiled `keras.Model`; one with several outputs is not checked.
        y: labels `(batch, ...)`.
        outputs: the model's outputs for them.
        weights: sample weights, `(batch, ...)`.
    """
    several = tf.nest.is_nested(outputs) or tf.nest.is_nested(model.loss)
    if model.loss is None or several:
        return
    losses = tf.convert_to_tensor(as_loss(model.loss).call(y, outputs))
    if losses.shape.rank is None:
        return
    if losses.shape.rank == 0:
        raise ValueError(
            f"The loss of the student {model.name!r} gives one number for a batch, so "
            "weights cannot reach single examples, and nothing could be taught. It "
            "must give one for each example: leave the mean to Keras."
        )
    shape = weights.shape
    if shape.rank == losses.shape.rank + 1 and shape[-1] == 1:
        shape = shape[:-1]  # As Keras does.
    if shape.rank != losses.shape.rank or any(
        None not in (a, b) and a != b and a != 1 for a, b in zip(shape, losses.shape)
    ):
        raise ValueError(
            f"The student {model.name!r} has losses of shape {losses.shape}, but the "
            f"weights for them are {weights.shape}. Labels of classes for each step or "
            "pixel must be integers, or floats (batch, ..., classes); targets of a "
            "regression for each (batch, ..., 1). `ElementWeighting` is for these."
        )
