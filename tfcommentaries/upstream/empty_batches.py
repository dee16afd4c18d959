"""Annotating batches that may be empty, as a server must."""

import tensorflow as tf


def annotate_any(commentary, x, y, progress):
    """Annotates a batch, even an empty one.

    TensorFlow's oneDNN convolution passes on an empty batch with the wrong number of
    channels, which fails or gives an annotation of the wrong shape (TensorFlow 2.16 to
    2.21; reported for three axes, https://github.com/tensorflow/tensorflow/pull/30968).
    Keras's convolutions refuse one since a check that was corrected later
    (https://github.com/keras-team/keras/pull/22564). So an empty batch
    gets a row of zeros, labels a row of probabilities, which is cut off again.

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
        return tf.ensure_shape(filled, [None, *tensor.shape[1:]])

    def first_class(shape, dtype):
        return tf.one_hot(tf.zeros(shape[:-1], tf.int32), shape[-1], dtype=dtype)

    x, progress = tf.nest.map_structure(
        lambda tensor: None if tensor is None else fill(tensor), (x, progress)
    )
    if y is not None:
        y = tf.convert_to_tensor(y)
        y = fill(y, first_class if y.shape.rank > 1 else tf.zeros)
    return commentary(x, y=y, progress=progress)[:size]
