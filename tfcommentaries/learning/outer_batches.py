"""Data of the outer loop: inner batches with a validation batch."""

import tensorflow as tf

from tfcommentaries.learning.data_checks import BATCHES
from tfcommentaries.learning.python_batches import as_arrays
from tfcommentaries.upstream.index_check import MESSAGES

#: Most examples of arrays in a validation batch, if no size is given.
VALIDATION = 512


def outer_batches(train, validation, inner_steps, students):
    """Makes an endless data set with one element per outer step.

    Args:
        train: endless batches that students train on, from `endless`.
        validation: endless batches that the outer loss sees, from `endless`.
        inner_steps: student steps per outer step, `T`.
        students: students per outer step, `S`.

    Returns:
        A `tf.data.Dataset` of `(train_batches, validation_batch)`; each tensor of
        the former is `(S, T, batch, ...)`, of the latter `(S, batch, ...)`.
    """
    train = train.batch(inner_steps, drop_remainder=True)
    both = tf.data.Dataset.zip((train, validation))
    return both.batch(students, drop_remainder=True).prefetch(2)


def endless(data, batch_size, seed, name, prepare=None, default=32):
    """Makes endless batches that all have the same size.

    Args:
        data: a batched `tf.data.Dataset` of `(x, y)` or `(x, y, sample_weight)`,
            or such a tuple of arrays, which are then shuffled.
        batch_size: examples per batch. `None` keeps the size of a data set's
            first batch, and is `default` for arrays.
        seed: for shuffling arrays.
        name: what to call the data in errors.
        prepare: `Commentary.prepare`, or `None`.
        default: batch size for arrays; if it is `VALIDATION`, all examples if there
            are fewer.

    Returns:
        `(dataset, batch)`: the endless data set and one of its batches.

    Raises:
        ValueError: if there is no example, the structure is wrong, or batches of a
            data set differ in length, as those of `padded_batch`.
    """
    if isinstance(data, tf.data.Dataset):
        if prepare is not None and isinstance(data.element_spec, tuple):
            data = data.map(lambda x, *rest: (prepare(x), *rest))
        first = next(iter(data.take(1)), None)
    else:
        if prepare is not None and isinstance(data, tuple | list) and len(data):
            data = (prepare(data[0]), *data[1:])
        data, first = _from_arrays(data, seed, name, default)
    if first is None:
        raise ValueError(f"The {name} data is empty: it has no example.")
    if not isinstance(first, tuple | list) or len(first) not in (2, 3):
        raise ValueError(
            f"The {name} data must have elements (x, y) or (x, y, sample_weight). "
            f"Received: {type(first).__name__} "
            f"{first if isinstance(first, dict) else ''}".rstrip()
        )
    sizes = {int(t.shape[0]) for t in tf.nest.flatten(first) if t.shape.rank}
    if len(sizes) != 1 or not all(t.shape.rank for t in tf.nest.flatten(first)):
        raise ValueError(
            f"The {name} data must be batched, with the same number of examples in "
            "x and y. Call `.batch(batch_size)` on it. Received elements of shape "
            f"{[tuple(t.shape) for t in tf.nest.flatten(first)]}"
        )
    batch_size = batch_size or sizes.pop()
    if isinstance(data, tf.data.Dataset):
        data = _of_one_shape(data, first, name)
    data = data.repeat().rebatch(batch_size, drop_remainder=True)
    return data, next(iter(data.take(1)))


def _of_one_shape(data, first, name):
    """A data set all of whose examples have the shape of those in its first batch."""
    spec = tf.nest.flatten(data.element_spec)
    shapes = [part.shape[1:] for part in tf.nest.flatten(first)]
    if all(known.shape[1:].is_fully_defined() for known in spec):
        return data
    message = (
        f"The batches of the {name} data differ in length, as those of `padded_batch` "
        "do. An outer step stacks them: pad all to one length, by `padded_shapes=` in "
        "`padded_batch` or `max_length=` in a tokenizer, and mask what is added."
    )
    MESSAGES.add(message)

    def same(*batch):
        parts = tf.nest.flatten(batch)
        checks = [
            tf.debugging.assert_equal(tf.shape(part)[1:], shape, message)
            for part, shape in zip(parts, shapes)
        ]
        with tf.control_dependencies(checks):
            parts = [
                tf.ensure_shape(tf.identity(part), [None, *shape])
                for part, shape in zip(parts, shapes)
            ]
        return tf.nest.pack_sequence_as(batch, parts)

    for batch in data.take(BATCHES):
        if [part.shape[1:] for part in tf.nest.flatten(batch)] != shapes:
            raise ValueError(message)
    # Later batches are checked as they come.
    return data.map(same)


def _from_arrays(data, seed, name, default):
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise ValueError(
            f"The {name} data must be a batched tf.data.Dataset or a tuple of arrays "
            f"(x, y) or (x, y, sample_weight). Received: {type(data).__name__}"
        )
    data = tuple(as_arrays(part, name) for part in data if part is not None)
    if any(array.dtype.kind in "OSU" for array in tf.nest.flatten(data[1:2])):
        raise ValueError(
            f"The labels of the {name} data are strings or objects. Give numbers, such "
            "as those of classes: `classes, y = np.unique(y, return_inverse=True)`."
        )
    sizes = {len(array) for array in tf.nest.flatten(data)}
    if len(sizes) > 1:
        raise ValueError(
            f"The arrays of the {name} data differ in length: {sorted(sizes)}. Each "
            "needs one entry per example."
        )
    if not max(sizes, default=0):
        return None, None
    tensors = tf.nest.map_structure(tf.convert_to_tensor, data)

    # `Dataset.shuffle` gives another order to every iterator over the data set, and
    # Keras makes one more under a distribution strategy.
    def shuffled(epoch):
        order = tf.random.experimental.stateless_shuffle(
            tf.range(max(sizes)), tf.stack([tf.cast(seed, tf.int64), epoch])
        )
        return tf.data.Dataset.from_tensor_slices(order)

    size = min(default, max(sizes)) if default == VALIDATION else default
    dataset = tf.data.Dataset.counter().flat_map(shuffled).batch(size)
    dataset = dataset.map(
        lambda order: tf.nest.map_structure(lambda t: tf.gather(t, order), tensors)
    )
    return dataset, next(iter(dataset))
