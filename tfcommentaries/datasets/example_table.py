"""tf.Examples of a file as a table."""

import gzip
import itertools
import zlib

import tensorflow as tf
from absl import logging


def read_examples(path, image=None):
    """Reads a TFRecord file of tf.Examples.

    Args:
        path: path of a file, compressed if it ends with `.gz`.
        image: name of the feature that holds encoded images, or `None`.

    Returns:
        A `pandas.DataFrame` with a column for each feature: numbers, or UTF-8 texts. A
        feature of several numbers becomes that many columns, `name[0]` and so on. What
        an example lacks is a missing value.

    Raises:
        ValueError: if the file is damaged, a record is not a tf.Example, or a feature
            is not text or has different types or numbers of values.
    """
    import pandas

    compression = "GZIP" if path.endswith(".gz") else ""
    rows, kinds = [], {}
    for record in _records(path, compression):
        try:
            example = tf.train.Example.FromString(record)
        except Exception as error:  # From protobuf, which only TensorFlow imports.
            raise ValueError(
                f"Record {len(rows)} of {path} is not a tf.Example: {error}"
            ) from error
        rows.append({})
        for name, feature in example.features.feature.items():
            kind = feature.WhichOneof("kind")
            if kind and kinds.setdefault(name, kind) != kind:
                raise ValueError(
                    f"The feature {name!r} of {path} is a {kinds[name]} at first, but "
                    f"a {kind} in record {len(rows) - 1}. Write it as one type."
                )
            rows[-1][name] = _values(feature)
    names = sorted(set(itertools.chain.from_iterable(rows)))
    columns = {}
    for name in names:
        found = [row.get(name) or [] for row in rows]
        sizes = {len(values) for values in found} - {0}
        if len(sizes) > 1:
            raise ValueError(
                f"The feature {name!r} of {path} must have as many values in every "
                f"example. It has {min(sizes)} to {max(sizes)}."
            )
        size = max(sizes, default=0)
        if name == image:
            columns[name] = [values[0] if values else None for values in found]
            continue
        try:
            texts = [[_text(value) for value in values] for values in found]
        except UnicodeDecodeError as error:
            raise ValueError(
                f"The feature {name!r} of {path} holds bytes that are not text. Name "
                "the feature with images with --image_column."
            ) from error
        for i in range(size):
            column = [values[i] if values else None for values in texts]
            series = pandas.Series(column)
            if any(isinstance(value, int) for value in column):
                series = series.astype("Int64")  # Some may be missing.
            columns[name if size == 1 else f"{name}[{i}]"] = series
    return pandas.DataFrame(columns)


def _records(path, compression):
    """The records of a file, of which it says how many there were.

    A file that was cut off between two records looks whole.
    """
    count = 0
    try:
        for record in tf.data.TFRecordDataset(path, compression).as_numpy_iterator():
            yield record
            count += 1
        if compression:
            with gzip.open(path) as file:  # TensorFlow takes a part for the whole.
                while file.read(2**20):
                    pass
    except (tf.errors.OpError, EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"The file {path} is damaged or ends early: {count} records could be "
            f"read ({type(error).__name__}). Copy or write it again."
        ) from error
    logging.info("%d examples in %s", count, path)


def _values(feature):
    kind = feature.WhichOneof("kind")
    return list(getattr(feature, kind).value) if kind else []


def _text(value):
    return value.decode() if isinstance(value, bytes) else value
