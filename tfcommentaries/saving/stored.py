"""A stored commentary, and stored annotations of single examples."""

import io
import posixpath
import zipfile

import numpy as np
import tensorflow as tf

from tfcommentaries.saving.saved_commentary import SavedCommentary

_FILE = "annotations.npz"


class Stored:
    """A commentary from the store.

    Attributes:
        commentary: `SavedCommentary`.
        card: dict: what it is, on what and how it was learned, what it gained.
        annotations: dict from TFDS example ids, strings, to stored annotations, or
            `None`.
    """

    def __init__(self, directory, card):
        self.card = card
        self.commentary = SavedCommentary(posixpath.join(directory, "commentary"))
        self.annotations = None
        file = posixpath.join(directory, _FILE)
        if tf.io.gfile.exists(file):
            try:
                with tf.io.gfile.GFile(file, "rb") as opened:
                    arrays = np.load(io.BytesIO(opened.read()), allow_pickle=False)
                ids, values = arrays["ids"].tolist(), arrays["values"]
            except (KeyError, ValueError, zipfile.BadZipFile) as error:
                raise ValueError(f"The file {file} cannot be read: {error}") from error
            self.annotations = dict(zip(ids, values))

    def join(self, dataset, default=None):
        """Adds the stored annotations to a data set.

        Args:
            dataset: `tf.data.Dataset` of dicts with `tfds_id`, not batched, as TFDS
                gives with `ReadConfig(add_tfds_id=True)`.
            default: annotation of examples that have none; `None` makes these an error.

        Returns:
            The data set with the entry `annotation` in each element.

        Raises:
            ValueError: if there are no annotations.
        """
        if self.annotations is None:
            raise ValueError(
                f"The commentary {self.card['name']!r} was saved without annotations. "
                "Give them to `save`, or annotate with `.commentary`."
            )
        ids = tf.constant(list(self.annotations))
        values = tf.constant(np.stack(list(self.annotations.values())))
        rows = tf.range(len(self.annotations), dtype=tf.int64)
        table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(ids, rows), -1
        )

        def add(example):
            row = table.lookup(example["tfds_id"])
            if default is None:
                found = tf.debugging.Assert(
                    row >= 0, ["No annotation is stored for", example["tfds_id"]]
                )
                with tf.control_dependencies([found]):
                    annotation = values[row]
            else:
                other = tf.fill(tf.shape(values)[1:], tf.cast(default, values.dtype))
                annotation = tf.cond(row >= 0, lambda: values[row], lambda: other)
            return {**example, "annotation": annotation}

        return dataset.map(add)


def write_annotations(directory, annotations):
    """Writes annotations for `Stored` to read.

    Args:
        directory: directory of the version.
        annotations: `(ids, values)`: TFDS example ids and an annotation for each.

    Raises:
        ValueError: if they do not fit together.
    """
    ids, values = (np.asarray(part) for part in annotations)
    ids = np.array([tf.compat.as_str(one) for one in ids])
    if not len(ids) or len(ids) != len(values) or len(set(ids)) != len(ids):
        raise ValueError(
            "`annotations` must be (ids, values), with one value for each id and no id "
            f"twice. Received {len(ids)} ids, {len(set(ids))} different, and "
            f"{len(values)} values"
        )
    if values.dtype == object:
        raise ValueError("Annotations must be numbers, all of the same shape.")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, ids=ids, values=values)
    with tf.io.gfile.GFile(posixpath.join(directory, _FILE), "wb") as file:
        file.write(buffer.getvalue())
