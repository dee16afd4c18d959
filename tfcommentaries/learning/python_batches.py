"""What `fit` takes: arrays of any kind, `PyDataset`, generators, loaders."""

import itertools

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.commentaries.input_arrays import input_arrays

#: Batches of a generator that are kept, for checks to read more than once.
FIRST = 32
#: Examples of which a column of the inputs equals the labels hardly by chance.
LEAST = 20


def training_and_validation(x, y, sample_weight, validation_data):
    """Sorts the arguments of `CommentaryLearner.fit` into training and validation data.

    Returns:
        `(train, validation)`: data sets, or tuples of arrays.

    Raises:
        ValueError: if something is missing.
    """
    if validation_data is None and _is_all(x) and (y is None or _is_all(y)):
        y, validation_data = None, y
    if validation_data is None:
        raise ValueError(
            "`fit` needs `validation_data`: checked examples, which decide what the "
            "commentary teaches."
        )
    train = x
    if y is not None:
        train = (x, y) if sample_weight is None else (x, y, sample_weight)
    elif sample_weight is not None:
        raise ValueError(
            "Give `sample_weight` beside `x` and `y`, or in one tuple with them."
        )
    return as_dataset(train, "training"), as_dataset(validation_data, "validation")


def as_dataset(data, name):
    """Turns batches that Python makes into a `tf.data.Dataset`.

    Args:
        data: a `keras.utils.PyDataset`, or what can be iterated over and gives batches
            `(x, y)` or `(x, y, sample_weight)`: an endless generator, or a `DataLoader`
            of PyTorch.
        name: what to call the data in errors.

    Returns:
        A `tf.data.Dataset` whose batches have any size; of a tuple one of arrays; other
        data as they are.

    Raises:
        ValueError: if a generator ends after a few batches, as it cannot start over, or
            inputs hold no numbers, or the labels.
    """
    if isinstance(data, keras.utils.PyDataset):
        iterate = _Epochs(data)
    elif hasattr(data, "__next__"):
        iterate = _Continued(data, name)
    elif _is_loader(data):
        iterate = data.__iter__
    else:
        return _with_arrays(data, name) if isinstance(data, tuple | list) else data

    def batches():
        for batch in iterate():
            if isinstance(batch, tuple | list):
                yield tuple(as_arrays(part, name) for part in batch if part is not None)
            else:
                yield as_arrays(batch, name)

    first = next(batches(), None)
    if first is None:
        return tf.data.Dataset.range(0)
    spec = tf.nest.map_structure(
        # Lengths may differ from batch to batch, which `endless` looks at.
        lambda array: tf.TensorSpec([None] * array.ndim, array.dtype),
        first,
    )
    return tf.data.Dataset.from_generator(batches, output_signature=spec)


def as_arrays(part, name):
    """Makes NumPy arrays of inputs, labels or weights, in a structure for tf.data.

    Args:
        part: an array, or a structure of such; a list of numbers is one array.
        name: what to call the data in errors.

    Raises:
        ValueError: on a sparse matrix, and on ragged tensors.
    """
    return tf.nest.map_structure(lambda one: _array(one, name), input_arrays(part))


def _with_arrays(data, name):
    """A tuple of data with arrays in place of lists and tables."""
    given = data[0] if len(data) else None
    data = tuple(None if part is None else input_arrays(part) for part in data)
    if len(data) > 1:
        _check_target(data[0], data[1], getattr(given, "columns", None), name)
    return data


def _check_target(x, y, columns, name):
    """Raises if one of the columns of the inputs equals the labels."""
    x = x["x"] if isinstance(x, dict) and "x" in x else x
    if tf.nest.is_nested(y) or not isinstance(x, np.ndarray) or x.ndim != 2:
        return
    y = np.asarray(y).reshape(-1)
    if y.size != len(x):
        return
    if x.shape[1] == 1 or len(y) < LEAST or (y == y[0]).all():
        return  # This may be chance.
    same = np.flatnonzero((x[:1000] == y[:1000, None]).all(0))
    for i in same.tolist():
        if (x[:, i] == y).all():
            column = i if columns is None else columns[i]
            raise ValueError(
                f"The inputs of the {name} data hold the labels: the column {column!r} "
                f"equals them in all {len(y)} examples. Leave it out."
            )


class _Epochs:
    """The batches of a `PyDataset`, epoch by epoch."""

    def __init__(self, data):
        self._data = data

    def __call__(self):
        self._data.on_epoch_begin()
        number = 0
        # Endless ones do not know their number of batches.
        while self._data.num_batches is None or number < self._data.num_batches:
            yield self._data[number]
            number += 1
        self._data.on_epoch_end()


class _Continued:
    """An iterator, which cannot start over: batches read by checks are kept."""

    def __init__(self, iterator, name):
        self._iterator = iterator
        self._first = list(itertools.islice(iterator, FIRST))
        if 0 < len(self._first) < FIRST:
            raise ValueError(
                f"The {name} data are a generator that ended after {len(self._first)} "
                "batches. It must be endless, as it cannot start over. Or give a "
                "`PyDataset`, a `tf.data.Dataset` or arrays."
            )

    def __call__(self):
        yield from self._first
        # Not `yield from`, which would close it with the first to stop reading.
        for batch in self._iterator:  # noqa: UP028
            yield batch


def _is_loader(data):
    known = isinstance(data, tf.data.Dataset | tuple | list | dict | str)
    array = hasattr(data, "shape") or hasattr(data, "__array__")
    return hasattr(data, "__iter__") and not known and not array


def _array(part, name):
    if hasattr(part, "toarray"):
        raise ValueError(
            f"The {name} data hold a sparse matrix. Give it as an array: `x.toarray()`."
        )
    if isinstance(part, tf.RaggedTensor | tf.SparseTensor):
        raise ValueError(
            f"The {name} data hold a {type(part).__name__}. Give tensors of one shape: "
            "`x.to_tensor()`, or `tf.sparse.to_dense(x)`."
        )
    return np.asarray(part)


def _is_all(data):
    """Whether data hold inputs and labels together."""
    if isinstance(data, tuple):
        return len(data) in (2, 3)
    is_array = hasattr(data, "shape") or hasattr(data, "__array__")
    return not isinstance(data, list | dict) and not is_array
