"""Data of the outer loop: inner batches with a validation batch."""

import math

import numpy as np
import tensorflow as tf

from tfcommentaries.learning.data_checks import check_batch
from tfcommentaries.learning.joined_batches import joined
from tfcommentaries.learning.python_batches import as_arrays
from tfcommentaries.learning.workers import spread_by_element
from tfcommentaries.upstream.index_check import MESSAGES

#: Most examples of arrays in a validation batch, if no size is given.
VALIDATION = 512
#: How many batches of a data set are checked before learning starts.
BATCHES = 16
#: From how many bytes on the examples of an outer step are joined one batch after
#: another, which takes less memory and, for small ones, more time.
LARGE = 2**25
#: Where arrays must begin, in bytes, for TensorFlow to use their memory.
ALIGNED = 64
#: For data sets of arrays, where there is nothing to tune. The thread that tunes often
#: sleeps on when an iterator is deleted, which waits for it, up to as long as it lived.
UNTUNED = tf.data.Options()
UNTUNED.autotune.enabled = False
# AutoGraph has nothing to do here, and would take seconds.
_plain = tf.autograph.experimental.do_not_convert
_EMPTY = "The {} data is empty: it has no example."
_DIFFER = (
    "The batches of the {} data differ in length, as those of `padded_batch` do. An "
    "outer step stacks them: pad all to one length, by `padded_shapes=` in "
    "`padded_batch` or `max_length=` in a tokenizer, and mask what is added."
)


def outer_batches(train, validation, inner_steps, students, start=0):
    """Makes an endless data set with one element per outer step.

    Args:
        train: what students train on, from `endless`.
        validation: what the outer loss sees, from `endless`.
        inner_steps: student steps per outer step, `T`.
        students: students per outer step, `S`.
        start: the outer step to start at.

    Returns:
        A `tf.data.Dataset` of `(train_batches, validation_batch)`; each tensor of
        the former is `(S, T, batch, ...)`, of the latter `(S, batch, ...)`.
    """

    def split(tensors, *shape):
        return tf.nest.map_structure(
            lambda t: tf.reshape(t, [*shape, -1, *t.shape[1:]]), tensors
        )

    def shaped(train_part, validation_part):
        train_part = split(train_part, students, inner_steps)
        element = train_part, split(validation_part, students)
        return tf.data.Dataset.from_tensors(element)

    both = tf.data.Dataset.zip(
        (
            train.elements(students * inner_steps, start),
            validation.elements(students, start),
        )
    )
    # Elements may be large, and are prepared once: TensorFlow would prepare another one
    # behind a `map`, which it makes parallel, and at the end.
    options = tf.data.Options()
    options.experimental_optimization.inject_prefetch = False
    data = both.flat_map(_plain(shaped)).with_options(options)
    if not (train.tunable or validation.tunable):
        data = data.with_options(UNTUNED)
    return spread_by_element(data)


def endless(data, commentary, name, batch_size=None, seed=0, default=32):
    """Checks a user's data, and makes endless batches that all have the same size.

    Args:
        data: a batched `tf.data.Dataset` of `(x, y)` or `(x, y, sample_weight)`, whose
            first batches are read, once; or such a tuple of arrays, which are checked
            whole and then shuffled.
        commentary: a `Commentary`, which prepares inputs and checks batches.
        name: what to call the data in errors.
        batch_size: examples per batch. `None` keeps the size of a data set's
            first batch, and is `default` for arrays.
        seed: for shuffling arrays.
        default: batch size for arrays; if it is `VALIDATION`, all examples if there
            are fewer.

    Returns:
        `(batches, batch)`: `ArrayBatches` or `DatasetBatches`, and one batch.

    Raises:
        ValueError: if there is no example, the structure is wrong, values are not
            finite, the commentary refuses them, or batches of a data set differ in
            length, as those of `padded_batch`.
    """
    if not isinstance(data, tf.data.Dataset):
        return _from_arrays(data, commentary, name, batch_size, seed, default)
    if isinstance(data.element_spec, tuple):
        data = data.map(_plain(lambda x, *rest: (commentary.prepare(x), *rest)))
    first, number = [], 0
    for batch in data.take(BATCHES):
        if not first:
            size = _size(batch, name)
            batch_size, shapes = batch_size or size, _shapes(batch)
        elif _shapes(batch) != shapes:
            raise ValueError(_DIFFER.format(name))
        check_batch(batch, commentary, name)
        if number < batch_size:
            first.append(batch)
            number += int(tf.nest.flatten(batch)[0].shape[0])
    if not first:
        raise ValueError(_EMPTY.format(name))
    data = DatasetBatches(_of_one_shape(data, shapes, name), batch_size)

    def join(*parts):
        whole = tf.concat(parts, 0)
        if number >= batch_size:
            return whole[:batch_size]
        return tf.gather(whole, tf.range(batch_size) % number)  # Some are there twice.

    return data, tf.nest.map_structure(join, *first)


def _size(batch, name):
    """The number of examples in a batch of `(x, y)` or `(x, y, sample_weight)`."""
    if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
        raise ValueError(
            f"The {name} data must have elements (x, y) or (x, y, sample_weight). "
            f"Received: {type(batch).__name__} "
            f"{batch if isinstance(batch, dict) else ''}".rstrip()
        )
    tensors = tf.nest.flatten(batch)
    sizes = {int(t.shape[0]) for t in tensors if t.shape.rank}
    if len(sizes) != 1 or not all(t.shape.rank for t in tensors):
        raise ValueError(
            f"The {name} data must be batched, with the same number of examples in "
            "x and y. Call `.batch(batch_size)` on it. Received elements of shape "
            f"{[tuple(t.shape) for t in tensors]}"
        )
    return sizes.pop()


def _shapes(batch):
    """Shapes of the examples in a batch."""
    return [part.shape[1:] for part in tf.nest.flatten(batch)]


def _of_one_shape(data, shapes, name):
    """A data set that raises where examples have other shapes."""
    spec = tf.nest.flatten(data.element_spec)
    if all(known.shape[1:].is_fully_defined() for known in spec):
        return data
    message = _DIFFER.format(name)
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

    return data.map(_plain(same))


def _from_arrays(data, commentary, name, batch_size, seed, default):
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise ValueError(
            f"The {name} data must be a batched tf.data.Dataset or a tuple of arrays "
            f"(x, y) or (x, y, sample_weight). Received: {type(data).__name__}"
        )
    data = commentary.prepare(data[0]), *data[1:]
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
    number = max(sizes, default=0)
    if not number:
        raise ValueError(_EMPTY.format(name))
    _size(tf.nest.map_structure(lambda a: tf.TensorSpec(a.shape), data), name)
    check_batch(data, commentary, name)
    if batch_size is None:
        batch_size = min(default, number) if default == VALIDATION else default
    batches = ArrayBatches(data, batch_size, seed)
    return batches, next(iter(batches.one_by_one()))


def _rows(array, places):
    """Rows of an array, such that TensorFlow does not copy them again."""
    if array.dtype.kind in "OSU":
        # TensorFlow takes only ASCII in other arrays of texts.
        return array[places].astype(object)
    if not array.flags.c_contiguous:
        return array[places]  # `take` would copy all of it.
    shape = len(places), *array.shape[1:]
    size = math.prod(shape) * array.itemsize
    buffer = np.empty(size + ALIGNED, "uint8")
    start = -buffer.ctypes.data % ALIGNED
    rows = buffer[start : start + size].view(array.dtype).reshape(shape)
    # With another mode `take` would fill a buffer of its own first.
    return array.take(places, 0, rows, "clip")


class DatasetBatches:
    """Endless batches of a data set.

    Args:
        dataset: of batches of any size.
        batch_size: examples per batch.
    """

    #: Whether TensorFlow's autotuning of data sets has anything to tune.
    tunable = True

    def __init__(self, dataset, batch_size):
        self._dataset = dataset
        self._batch_size = batch_size

    def elements(self, count, start=0):
        """Several batches in one, the next of which is prepared meanwhile.

        Args:
            count: number of batches in an element.
            start: the element to start at. All before it are read.

        Returns:
            A data set of tensors `(count * batch, ...)`.
        """
        size = count * self._batch_size
        data = self._dataset.repeat()
        if count == 1 or size * self._bytes() < LARGE:
            data = data.rebatch(size, drop_remainder=True).skip(start)
        else:
            data = data.rebatch(self._batch_size, drop_remainder=True)
            data = joined(data.skip(start * count), count)
        return data.prefetch(1)

    def _bytes(self):
        """Bytes of an example, without those of texts."""
        parts = tf.nest.flatten(self._dataset.element_spec)
        return sum(part.dtype.size * math.prod(part.shape[1:]) for part in parts)

    def read_again(self, count, start):
        """How many examples are read before an element, to no use."""
        return start * count * self._batch_size

    def one_by_one(self, start=0):
        """A data set of single batches, from one on."""
        return self.elements(1, start)


class ArrayBatches:
    """Endless batches of arrays, which stay where they are, in memory or in a file.

    `Dataset.shuffle` would give another order to every iterator over the data set, and
    Keras makes one more under a distribution strategy.

    Args:
        arrays: structure of arrays `(examples, ...)`.
        batch_size: examples per batch.
        seed: of their order.
    """

    tunable = False

    def __init__(self, arrays, batch_size, seed):
        self._arrays = arrays
        self._batch_size = batch_size
        self._seed = seed

    def elements(self, count, start=0):
        """As `DatasetBatches.elements`, but nothing before the start is read."""
        size = count * self._batch_size
        number = len(tf.nest.flatten(self._arrays)[0])
        epoch, place = divmod(start * size, number)

        def shuffled(epoch):
            order = tf.random.experimental.stateless_shuffle(
                tf.range(number), tf.stack([tf.cast(self._seed, tf.int64), epoch])
            )
            return tf.data.Dataset.from_tensor_slices(order)

        def read(places, array):
            kind = tf.string if array.dtype.kind in "OSU" else array.dtype
            found = tf.numpy_function(lambda p: _rows(array, p), [places], kind)
            return tf.ensure_shape(found, [*places.shape, *array.shape[1:]])

        def load(places):
            return tf.nest.map_structure(lambda a: read(places, a), self._arrays)

        places = tf.data.Dataset.counter(epoch).flat_map(_plain(shuffled)).skip(place)
        places = places.batch(size, drop_remainder=True)
        return places.map(_plain(load)).prefetch(1)

    def read_again(self, count, start):
        """As `DatasetBatches.read_again`: none."""
        return 0

    def one_by_one(self, start=0):
        """A data set of single batches, from one on."""
        return self.elements(1, start).with_options(UNTUNED)
