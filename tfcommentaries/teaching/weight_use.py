"""Whether a training step uses the sample weights that it is given."""

import contextlib
import weakref

import tensorflow as tf

from tfcommentaries.students.losses import check_takes_weights

#: Models whose loss is changed: how often, and their original function, if any.
_changed: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


@contextlib.contextmanager
def with_loss(model, compute_loss):
    """Context in which the model computes its loss with another function.

    Replicas are inside at the same time, in separate threads: the first changes the
    model for all, and the last restores it.
    """
    inside, own = _changed.get(model, (0, vars(model).get("compute_loss")))
    if not inside:
        model.compute_loss = compute_loss
    _changed[model] = inside + 1, own
    try:
        yield
    finally:
        inside, own = _changed.pop(model)
        if inside > 1:
            _changed[model] = inside - 1, own
        elif own is None:
            del model.compute_loss
        else:
            model.compute_loss = own


def checked_step(train_step, model, x, y, weights):
    """Runs or traces a training step.

    Raises:
        ValueError: if it cannot use the weights, or does not.
    """
    original = model.compute_loss

    def compute_loss(x=None, y=None, y_pred=None, *args, **options):
        check_takes_weights(model, y, y_pred, weights)
        return original(x, y, y_pred, *args, **options)

    given, watch = weights, contextlib.nullcontext()
    if tf.executing_eagerly():
        if model.distribute_strategy.num_replicas_in_sync > 1:
            return train_step((x, y, weights))
        # Of eager tensors only a tape knows who uses them, and only of variables.
        given = tf.nest.map_structure(tf.Variable, weights)
        watch = tf.GradientTape()
    before = _uses(given)
    with with_loss(model, compute_loss), watch:
        logs = train_step((x, y, given))
    used = _uses(given) > before
    if given is not weights:
        read = {variable.ref() for variable in watch.watched_variables()}
        used = any(variable.ref() in read for variable in tf.nest.flatten(given))
    if not used:
        raise ValueError(
            f"The `train_step` of the model {model.name!r} does not use sample "
            "weights, so a commentary that weights examples would teach nothing. Pass "
            "them on: `self.compute_loss(..., sample_weight=sample_weight)`."
        )
    return logs


def no_effect(weights, given):
    """1 if weights, beside those that the user has, change nothing; else 0."""
    if weights is None or given is not None:
        return tf.constant(0, tf.int64)
    alike = [tf.reduce_all(tf.abs(w - 1) < 1e-6) for w in tf.nest.flatten(weights)]
    return tf.cast(tf.reduce_all(alike), tf.int64)


def _uses(weights):
    """How many operations of a graph take the weights."""
    if tf.executing_eagerly():
        return 0
    return sum(len(tensor.consumers()) for tensor in tf.nest.flatten(weights))
