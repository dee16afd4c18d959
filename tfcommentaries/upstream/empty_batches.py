"""Annotating batches that may be empty, as a server must."""

import tensorflow as tf


def annotate_any(commentary, x, y, progress):
    """Annotates a batch, even an empty one.

    TensorFlow's oneDNN convolution passes on an empty batch with the wrong number of
    channels, which fails or gives an annotation of the wrong shape (TensorFlow 2.16 to
    2.21; reported for three axes, https://github.com/tensorflow/tensorflow/pull/30968).
    Keras's convolutions refuse one since a check that was corrected later
    (https://github.com/keras-team/keras/pull/22564). So an empty batch
    gets a row of zeros, which is cut off again.

    Args:
        commentary: a `Commentary`.
        x: inputs, as for the commentary.
        y: labels, or `None`.
        progress: a scalar, `(batch,)`, or `None`.

    Returns:
        The annotation, `(batch, ...)`.
    """
    size = tf.shape(tf.nest.flatten(x)[0])[0]

    def fill(tensor):
        tensor = tf.convert_to_tensor(tensor)
        if tensor.shape.rank == 0:
            return tensor
        rows = tf.cast(tf.equal(size, 0), tf.int32)
        shape = tf.concat([[rows], tf.shape(tensor)[1:]], 0)
        filled = tf.concat([tensor, tf.zeros(shape, tensor.dtype)], 0)
        return tf.ensure_shape(filled, [None, *tensor.shape[1:]])

    x, y, progress = tf.nest.map_structure(
        lambda tensor: None if tensor is None else fill(tensor), (x, y, progress)
    )
    return commentary(x, y=y, progress=progress)[:size]
