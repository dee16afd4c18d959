"""How weights of examples reach a student."""

import contextlib
import threading

import tensorflow as tf

from tfcommentaries.commentaries.conditioning import is_several

_replicas = threading.local()


def weigh(annotation, sample_weight=None, normalize=True, y=None):
    """Sample weights of a batch from its annotation.

    Args:
        annotation: learned weights, `(batch,)`, or `(batch, ...)` for each step or
            pixel.
        sample_weight: weights that the user already has, `(batch,)`, `(batch, 1)`, or
            for each step or pixel `(batch, ...)`; for several outputs also a structure
            of such, like `y`; or `None`.
        normalize: whether the learned weights are divided by their mean over the batch,
            leaving out what the user weights with 0, such as padding.
        y: labels, which show whether there is a loss for each step or pixel.

    Returns:
        The product: `(batch,)`; if labels have steps or pixels, with axes for these,
        of size 1 unless one of the two has weights for them, since Keras would take
        `(batch,)` for `(steps,)`. For several outputs a structure like `y`, if these
        differ or `sample_weight` is one.
    """
    if not is_several(y):
        return _weigh(annotation, sample_weight, normalize, _axes_of_losses(y))
    labels = tf.nest.flatten(y)
    axes = [_axes_of_losses(one) for one in labels]
    one_for_all = not tf.nest.is_nested(sample_weight)
    if one_for_all and len(set(axes)) == 1:
        return _weigh(annotation, sample_weight, normalize, axes[0])
    given = [sample_weight] * len(labels)
    if not one_for_all:
        tf.nest.assert_same_structure(y, sample_weight, check_types=False)
        given = tf.nest.flatten(sample_weight)
    found = [_weigh(annotation, w, normalize, n) for w, n in zip(given, axes)]
    return tf.nest.pack_sequence_as(y, found)


@contextlib.contextmanager
def batches_shared_by_replicas():
    """Context in which batch means are over the batches of all replicas together.

    For replicas that train one model; each replica of a learner trains its own student.
    """
    _replicas.share = True
    try:
        yield
    finally:
        _replicas.share = False


def _weigh(weights, sample_weight, normalize, axes):
    axes = max(axes, weights.shape.rank - 1)
    if sample_weight is not None:
        sample_weight = tf.cast(sample_weight, weights.dtype)
        if sample_weight.shape.rank > axes + 1 and sample_weight.shape[-1] == 1:
            sample_weight = tf.squeeze(sample_weight, -1)
        axes = max(axes, sample_weight.shape.rank - 1)
        sample_weight = _with_axes(sample_weight, axes)
    if normalize:
        weights = tf.math.divide_no_nan(weights, _mean(weights, sample_weight))
    weights = _with_axes(weights, axes)
    return weights if sample_weight is None else weights * sample_weight


def _mean(weights, sample_weight):
    """The mean of the weights that count."""
    share = getattr(_replicas, "share", False)
    context = tf.distribute.get_replica_context()
    alone = not share or context.num_replicas_in_sync == 1
    if sample_weight is None and alone:
        return tf.reduce_mean(weights)
    counts = tf.ones_like(weights)
    if sample_weight is not None:
        rank = weights.shape.rank
        counts *= tf.cast(
            tf.reduce_any(
                sample_weight != 0, list(range(rank, sample_weight.shape.rank))
            ),
            weights.dtype,
        )
    sums = tf.reduce_sum(counts * weights), tf.reduce_sum(counts)
    if not alone:
        sums = context.all_reduce(tf.distribute.ReduceOp.SUM, sums)
    return tf.math.divide_no_nan(*sums)


def _axes_of_losses(y):
    """How many axes losses have besides that of the batch."""
    if y is None:
        return 0
    y = tf.convert_to_tensor(y)
    if not y.shape.rank:
        return 0
    classes_last = y.dtype.is_floating or y.shape[-1] == 1
    return max(0, y.shape.rank - 1 - classes_last)


def _with_axes(weights, axes):
    """Weights `(batch, ...)` with at least `axes` axes besides that of the batch."""
    missing = axes + 1 - weights.shape.rank
    if missing <= 0:
        return weights
    return tf.reshape(weights, tf.concat([tf.shape(weights), [1] * missing], 0))
