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


def has_own_loss(model):
    """Whether a model computes its loss by a `compute_loss` of its own."""
    return type(model).compute_loss is not keras.Model.compute_loss


def check_trains_as_keras(model):
    """Raises a `ValueError` if a model has a `train_step` of its own."""
    own = "train_step" in vars(model)
    if own or type(model).train_step is not keras.Model.train_step:
        raise ValueError(
            f"The student {model.name!r} ({type(model).__name__}) has its own "
            "`train_step`, which a learner cannot differentiate: it trains students "
            "with their optimizer and `compute_loss`. Put what is special in "
            "`compute_loss`, or learn inside `fit` with `LearnCommentaryCallback`."
        )


def example_losses(model, y, outputs, sample_weight=None):
    """Each example's loss, without regularisation.

    The mean over its steps or pixels, without those that do not count: Keras's masks
    (of outputs, and `ignore_class`), and sample weights of 0 for single ones.

    Args:
        model: a compiled `keras.Model` with one loss.
        y: labels `(batch, ...)`.
        outputs: the model's outputs for them.
        sample_weight: weights that the user gives, or `None`.

    Returns:
        `(batch,)`; 0 where nothing counts.

    Raises:
        ValueError: if the model has several losses.
    """
    loss = model.loss
    if loss is None or isinstance(loss, list | tuple | dict):
        raise ValueError(
            "Weighting by the student's loss needs a student with one output and one "
            f"loss. The student {model.name!r} was compiled with loss={loss!r}"
        )
    losses = as_loss(loss).call(y, outputs)
    masks = [getattr(t, "_keras_mask", None) for t in (outputs, losses)]
    if sample_weight is not None and sample_weight.shape.rank > 1:
        masks.append(tf.not_equal(sample_weight, 0))
    masks = [mask for mask in masks if mask is not None]
    losses = _by_example(losses)
    if not masks:
        return tf.reduce_mean(losses, -1)
    counts = tf.ones_like(losses)
    for mask in masks:
        counts *= tf.cast(_by_example(mask), losses.dtype)
    return tf.math.divide_no_nan(
        tf.reduce_sum(counts * losses, -1), tf.reduce_sum(counts, -1)
    )


def _by_example(tensor):
    """A tensor `(batch, ...)` as `(batch, numbers)`."""
    tensor = tf.convert_to_tensor(tensor)
    return tf.reshape(tensor, [tf.shape(tensor)[0], -1])


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


def check_uses_weights(student, x, y, weights):
    """Raises a `ValueError` if a loss of the student's own ignores sample weights.

    Args:
        student: a built `FunctionalStudent`.
        x: a batch of inputs.
        y: its labels.
        weights: its sample weights, or a structure of such.
    """
    if not has_own_loss(student.model):
        return
    weights = tf.nest.map_structure(tf.convert_to_tensor, weights)
    with tf.GradientTape() as tape:
        tape.watch(weights)
        loss, _ = student.loss(student.weights, x, y, weights)
    slopes = tf.nest.flatten(tape.gradient(loss, weights))
    if all(slope is None for slope in slopes):
        raise ValueError(
            f"The `compute_loss` of the student {student.model.name!r} "
            f"({type(student.model).__name__}) does not use sample weights, so a "
            "commentary that weights examples would teach nothing. Multiply each "
            "example's loss by `sample_weight`."
        )
