"""Data sets that TFDS has prepared, and how to tell whether they are the same."""

import hashlib
import json

import numpy as np
import tensorflow as tf


def prepared(dataset, data_dir):
    """The TFDS builder of a data set that was prepared before.

    Args:
        dataset: TFDS name, such as `"mnist"` or `"cifar10:3.*.*"`.
        data_dir: TFDS data directory; `None` is TFDS's own.

    Raises:
        FileNotFoundError: if it is not prepared there.
    """
    # An extra, and slow to import.
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(dataset, data_dir=data_dir)
        if builder.info.splits:
            return builder
        reason = "It is not prepared there."
    except Exception as error:
        # Of the file system too: a cloud's without credentials, an unknown scheme.
        reason = str(error)[:200]
    raise FileNotFoundError(
        f"TFDS finds no data set {dataset!r} in {data_dir or 'its own directory'}: "
        f"{reason} Pass the right `data_dir`, or prepare it with TFDS."
    )


def fingerprint(builder):
    """A hash of a data set's features, sizes of splits and first examples."""
    splits = {name: info.num_examples for name, info in builder.info.splits.items()}
    known = json.dumps([builder.info.features.to_json(), splits], sort_keys=True)
    digest = hashlib.sha256(known.encode())
    for example in builder.as_dataset(split=min(splits)).take(10).as_numpy_iterator():
        for value in tf.nest.flatten(example):
            digest.update(np.asarray(value).tobytes())
    return digest.hexdigest()
