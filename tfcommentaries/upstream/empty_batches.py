"""Annotating what a server may get: empty batches, and numbers out of range."""

import tensorflow as tf

from tfcommentaries.upstream.index_check import watching


def annotate_any(commentary, x, y, progress):
    """Annotates a batch, even an empty one, in a graph.

    TensorFlow's oneDNN convolution passes on an empty batch with the wrong number of
    channels, which fails or gives an annotation of the wrong shape (TensorFlow 2.16 to
    2.21; reported for three axes, https://github.com/tensorflow/tensorflow/pull/30968).
    Keras's convolutions refuse one since a check that was corrected later
    (https://github.com/keras-team/keras/pull/22564). So an empty batch
    gets a row of zeros, labels a row of probabilities, which is cut off again.

    Checks of labels and progress raise in TensorFlow. Other runtimes drop them, so an
    example with a label, an id or a progress out of range gets NaN there.

    Args:
        commentary: a `Commentary`.
        x: inputs, as for the commentary.
        y: labels, or `None`.
        progress: a scalar, `(batch,)`, or `None`.

    Returns:
        The annotation, `(batch, ...)`.
    """
    size = tf.shape(tf.nest.flatten(x)[0])[0]

    def fill(tensor, of=tf.zeros):
        tensor = tf.convert_to_tensor(tensor)
        if tensor.shape.rank == 0:
            return tensor
        rows = tf.cast(tf.equal(size, 0), tf.int32)
        shape = tf.concat([[rows], tf.shape(tensor)[1:]], 0)
        filled = tf.concat([tensor, of(shape, tensor.dtype)], 0)
        filled.set_shape([None, *tensor.shape[1:]])
        return filled

    def first_class(shape, dtype):
        return tf.one_hot(tf.zeros(shape[:-1], tf.int32), shape[-1], dtype=dtype)

    x, progress = tf.nest.map_structure(
        lambda tensor: None if tensor is None else fill(tensor), (x, progress)
    )
    if y is not None:
        y = tf.convert_to_tensor(y)
        y = fill(y, first_class if y.shape.rank > 1 else tf.zeros)
    with watching() as in_range:
        annotation = commentary(x, y=y, progress=progress)
    if progress is not None and progress.shape.rank == 1:
        in_range.append((progress >= 0) & (progress <= 1))
    return _nan_unless(in_range, annotation)[:size]


def _nan_unless(in_range, annotation):
    """The annotation, NaN for each example that has anything out of range."""
    # A function inside of a teacher has a graph of its own.
    graph = getattr(annotation, "graph", None)
    in_range = [part for part in in_range if getattr(part, "graph", None) is graph]
    if not in_range or not annotation.dtype.is_floating:
        return annotation
    batch = tf.shape(annotation)[0]
    rows = [tf.reshape(part, [batch, -1]) for part in in_range]
    right = tf.reduce_all(tf.concat(rows, 1), 1)
    right = tf.reshape(right, [-1] + [1] * (annotation.shape.rank - 1))
    return tf.where(right, annotation, float("nan"))
