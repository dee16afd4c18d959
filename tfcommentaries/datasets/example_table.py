"""tf.Examples of files as a table."""

import gzip
import zlib

import numpy as np
import tensorflow as tf
from absl import logging

#: Records that are read together.
_TOGETHER = 4096
_DTYPES = {
    "bytes_list": tf.string,
    "float_list": tf.float32,
    "int64_list": tf.int64,
}


def read_examples(paths, image=None):
    """Reads TFRecord files of tf.Examples.

    Args:
        paths: of files, compressed if they end with `.gz`.
        image: name of the feature that holds encoded images, or `None`.

    Returns:
        A `pandas.DataFrame` with a column for each feature: numbers, or UTF-8 texts. A
        feature of several numbers becomes that many columns, `name[0]` and so on. What
        an example lacks is a missing value.

    Raises:
        ValueError: if a file is damaged, a record is not a tf.Example, or a feature
            is not text or has different types or numbers of values.
    """
    import pandas

    kinds, parts = {}, []
    for path in paths:
        for start, records in _records(path):
            found = _parse(records, kinds)
            if found is None:
                _look(records, start, path, kinds)
                found = _parse(records, kinds, complete=True)
            parts.append((len(records), found))
    columns = {}
    for name in sorted(kinds):
        columns.update(_columns(name, parts, paths[0], name == image))
    return pandas.DataFrame(columns)


def _parse(records, kinds, complete=False):
    """Values of tf.Examples by feature, and how many each example has.

    Args:
        records: array of serialized tf.Examples.
        kinds: dict from the names of features to names in `_DTYPES`.
        complete: whether these are all that the examples have. Otherwise it is found
            out.

    Returns:
        A dict from names to `(values, lengths)`, or `None` if there are others.
    """
    spec = {name: tf.io.RaggedFeature(_DTYPES[kind]) for name, kind in kinds.items()}
    try:
        found = tf.io.parse_example(records, spec) if spec else {}
        if not complete:
            _, (features,) = tf.io.decode_proto(
                records, "tensorflow.Example", ["features"], [tf.string]
            )
            numbers, _ = tf.io.decode_proto(
                features[:, :1], "tensorflow.Features", ["feature"], [tf.string]
            )
            known = sum(np.diff(r.row_splits) > 0 for r in found.values())
            if not np.array_equal(numbers.numpy().ravel(), known):
                return None
    except tf.errors.OpError:
        if complete:
            raise
        return None
    return {
        name: (ragged.values.numpy(), np.diff(ragged.row_splits))
        for name, ragged in found.items()
    }


def _look(records, start, path, kinds):
    """Adds the features of tf.Examples to `kinds`, or says which one is wrong."""
    for number, record in enumerate(records, start):
        try:
            example = tf.train.Example.FromString(record)
        except Exception as error:  # From protobuf, which only TensorFlow imports.
            raise ValueError(
                f"Record {number} of {path} is not a tf.Example: {error}"
            ) from error
        for name, feature in example.features.feature.items():
            kind = feature.WhichOneof("kind")
            if kind and kinds.setdefault(name, kind) != kind:
                raise ValueError(
                    f"The feature {name!r} of {path} is a {kinds[name]} at first, but "
                    f"a {kind} in record {number}. Write it as one type."
                )


def _columns(name, parts, path, is_image):
    """The columns of a table, by name, that a feature becomes."""
    import pandas

    lengths = np.concatenate(
        [found[name][1] if name in found else np.zeros(n, int) for n, found in parts]
    )
    values = np.concatenate([found[name][0] for _, found in parts if name in found])
    sizes = np.unique(lengths[lengths > 0])
    if len(sizes) > 1:
        raise ValueError(
            f"The feature {name!r} of {path} must have as many values in every "
            f"example. It has {sizes[0]} to {sizes[-1]}."
        )
    there = lengths > 0
    rows = values.reshape(there.sum(), -1)
    if is_image:
        rows = rows[:, :1]
    elif values.dtype == object:
        try:
            rows = [[value.decode() for value in row] for row in rows]
        except UnicodeDecodeError as error:
            raise ValueError(
                f"The feature {name!r} of {path} holds bytes that are not text. Name "
                "the feature with images with --image_column."
            ) from error
        rows = np.array(rows, object)
    missing = {"f": np.nan, "i": 0}.get(values.dtype.kind)
    columns = {}
    for i in range(rows.shape[1] if len(rows) else 0):
        column = np.full(len(lengths), missing, values.dtype)
        column[there] = rows[:, i]
        if column.dtype.kind == "i":
            column = pandas.arrays.IntegerArray(column, ~there)  # Some may be missing.
        elif not is_image and column.dtype == object:
            column = pandas.Series(column.tolist())
        columns[name if len(rows[0]) == 1 else f"{name}[{i}]"] = column
    return columns


def _records(path):
    """Yields `(number of the first, records)` of a file.

    A file that was cut off between two records looks whole.
    """
    compression = "GZIP" if path.endswith(".gz") else ""
    data = tf.data.TFRecordDataset(path, compression)
    count = 0
    try:
        for records in data.batch(_TOGETHER).as_numpy_iterator():
            yield count, records
            count += len(records)
        if compression:
            with gzip.open(path) as file:  # TensorFlow takes a part for the whole.
                while file.read(2**20):
                    pass
    except (tf.errors.OpError, EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"The file {path} is damaged or ends early: {_readable(data)} records "
            f"could be read ({type(error).__name__}). Copy or write it again."
        ) from error
    logging.info("%d examples in %s", count, path)


def _readable(data):
    """How many elements a data set has before it ends or fails."""
    count = 0
    try:
        for _ in data:
            count += 1
    except tf.errors.OpError:
        pass
    return count
