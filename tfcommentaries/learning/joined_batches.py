"""Several batches of a data set as one element, without holding them twice."""

import tensorflow as tf


def joined(dataset, count):
    """Joins as many batches at a time along their first dimension.

    `Dataset.batch` and `rebatch` hold all parts of an element until they copy them into
    it, at once. Here each part is copied as it comes.

    Args:
        dataset: of structures of tensors whose shapes are known and alike.
        count: batches in an element.

    Returns:
        A data set of tensors `(count * batch, ...)`, without what is left at the end.
    """
    spec = dataset.element_spec

    def empty(count):
        return tf.nest.map_structure(
            lambda part: tf.raw_ops.Empty(shape=[count, *part.shape], dtype=part.dtype),
            spec,
        )

    def put(state, batch):
        place, whole = state
        whole = tf.cond(place == 0, lambda: empty(count), lambda: whole)
        # Into the memory of `whole`, which nobody else has before it is full.
        whole = tf.nest.map_structure(
            lambda into, part: tf.raw_ops.InplaceUpdate(
                x=into, i=place[None], v=part[None]
            ),
            whole,
            batch,
        )
        place = (place + 1) % count
        return (place, whole), (whole, place == 0)

    def full(whole, is_full):
        whole = tf.nest.map_structure(
            lambda t: tf.reshape(t, [-1, *t.shape[2:]]), whole
        )
        return tf.data.Dataset.from_tensors(whole).take(tf.cast(is_full, tf.int64))

    plain = tf.autograph.experimental.do_not_convert
    data = dataset.scan((tf.constant(0), empty(0)), plain(put))
    return data.flat_map(plain(full))
