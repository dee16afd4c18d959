"""Splits of examples that a recipe learns from."""

import collections
import contextlib
import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from absl import logging
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.public import tfxio

from tfcommentaries.commentaries.group_names import GroupNames, as_names
from tfcommentaries.saving.example_groups import NO_GROUP

# AutoGraph has nothing to do here, and would take seconds.
_plain = tf.autograph.experimental.do_not_convert
#: Most examples, and most bytes of them, that are shuffled at a time. Arrays of as many
#: bytes are kept in memory.
BUFFER_EXAMPLES, BUFFER_BYTES = 20_000, 2**28
#: Most bytes of examples that are decoded together.
DECODED_BYTES = 2**23
#: Bytes above which an example is decoded alone: copies would cost more than calls.
ALONE_BYTES = 2**17
#: How many examples are parsed together. More encoded images would need new memory
#: each time, and fewer numbers take longer.
PARSED, PARSED_IMAGES = 256, 32
#: How many more examples are read than learning takes, where there are more.
SPARE = 1.5
#: What values of a feature are, by its type in a schema.
DTYPES = {
    schema_pb2.INT: "int64",
    schema_pb2.FLOAT: "float32",
    schema_pb2.BYTES: "string",
}


class Counts(NamedTuple):
    """What a split has.

    Attributes:
        examples: number of examples.
        lacking: how many of them lack what is read.
        groups: dict from columns to the `GroupNames` of all, without those that stand
            for no group.
        bytes: of what is read of all, before images are decoded.
    """

    examples: int
    lacking: int
    groups: dict
    bytes: int


class Split:
    """Examples of one split, in the order of the files.

    Args:
        fn_args: `FnArgs`, whose data accessor reads.
        files: patterns.
        schema: of the examples.
        names: the features to read.
        role: what to call the split in errors.
        images: whether one of the features holds encoded images.

    Raises:
        ValueError: if the schema lacks one of these features, or its type.
    """

    def __init__(self, fn_args, files, schema, names, role, images=False):
        known = {feature.name: feature for feature in schema.feature}
        missing = sorted(set(names) - set(known))
        if missing:
            raise ValueError(
                f"The examples have no feature {missing}; their schema has "
                f"{sorted(known)}. Name the right `features`, `label` and `groups`."
            )
        unread = [name for name in names if known[name].type not in DTYPES]
        if unread:
            raise ValueError(
                f"The schema does not say whether {unread} are INT, FLOAT or BYTES, or "
                "says that they are structures. Name other features."
            )
        self.files = files
        self.role = role
        wanted = schema_pb2.Schema()
        for name in names:
            # Without a shape, a missing feature is noticed and is not an error.
            wanted.feature.add(name=name, type=known[name].type)
        options = tfxio.TensorFlowDatasetOptions(
            batch_size=PARSED_IMAGES if images else PARSED, shuffle=False, num_epochs=1
        )
        self.features = fn_args.data_accessor.tf_dataset_factory(files, options, wanted)

    def passes(self, function):
        """Yields batches of what a function gives for features, as NumPy arrays.

        Raises:
            ValueError: if a file or an example cannot be read.
        """
        with self.reading():
            yield from self.features.map(_plain(function)).as_numpy_iterator()

    @contextlib.contextmanager
    def reading(self):
        """Context in which what cannot be read is a `ValueError` about the split."""
        try:
            yield
        except tf.errors.OpError as error:
            raise ValueError(
                f"The {self.role} examples in {self.files} cannot be read: "
                f"{error.message}"
            ) from error

    def count(self, reading):
        """Counts examples, without decoding images.

        Returns:
            `Counts`.

        Raises:
            ValueError: if one cannot be read, or its label is not allowed.
        """

        def look(features):
            dense = reading.dense(features)
            complete = reading.complete(dense)
            if reading.label is not None:
                label = tf.boolean_mask(dense[reading.label], complete)
                with tf.control_dependencies(
                    [reading.read_label({reading.label: label})]
                ):
                    complete = tf.identity(complete)
            groups = {name: dense[name] for name in reading.groups}
            return complete, groups, tf.add_n(list(map(_bytes, dense.values())))

        size = lacking = total = 0
        found = {name: collections.Counter() for name in reading.groups}
        for complete, groups, number in self.passes(look):
            size += len(complete)
            total += int(number)
            lacking += int((~complete).sum())
            for name, column in groups.items():
                string, integer = NO_GROUP
                none = string if column.dtype == object else integer
                present = as_names(column[column != none], name)
                found[name].update(present.tolist())
        groups = {}
        for name, counter in found.items():
            if names := sorted(counter):
                groups[name] = GroupNames(names, [counter[one] for one in names])
        return Counts(size, lacking, groups, total)

    def examples(self, reading):
        """A data set of single examples `(x, y)`, without those that lack something.

        Raises:
            ValueError: if the first of them cannot be read.
        """

        def whole(features):
            dense = reading.dense(features)
            return _of(dense, reading.complete(dense))

        dense = self.features.map(_plain(whole))
        data = dense.rebatch(_together(reading)).map(_plain(reading.read)).unbatch()
        with self.reading():
            next(data.as_numpy_iterator(), None)
        return data

    def learned_from(self, reading, counts, wanted, seed):
        """The examples that learning takes.

        Where there are more examples than learning takes, a share of them, drawn at
        random over all files: these may be sorted by source.

        Args:
            reading: `ExampleReading`.
            counts: from `count`.
            wanted: how many examples learning takes.
            seed: of the order, and of the share.

        Returns:
            `(x, y)` as arrays, if these are small enough. Otherwise endless batches of
            such, a data set: each pass draws another share, which is shuffled before
            images are decoded, and batches are small where examples are large.
        """
        whole = counts.examples - counts.lacking
        drawn = min(whole, max(SPARE * wanted, BUFFER_EXAMPLES))
        stored = counts.bytes // counts.examples
        if drawn * (stored + _decoded_bytes(reading)) <= BUFFER_BYTES:
            with self.reading():
                return self._arrays(reading, counts, drawn / whole, seed)
        drawn = min(whole, SPARE * wanted)
        size = max(1, min(BUFFER_BYTES // max(stored, 1), BUFFER_EXAMPLES, int(drawn)))

        def one_pass(number):
            return self._drawn(reading, counts, drawn / whole, seed + number).unbatch()

        data = tf.data.Dataset.counter().flat_map(_plain(one_pass))
        data = data.shuffle(size, seed=seed).batch(_together(reading), True)
        return data.map(_plain(reading.read), tf.data.AUTOTUNE)

    def _arrays(self, reading, counts, share, seed):
        """`(x, y)` of a share of the examples, as arrays."""
        dense = self._drawn(reading, counts, share, seed).rebatch(_together(reading))
        data = dense.map(_plain(reading.read), tf.data.AUTOTUNE)
        parts = list(data.as_numpy_iterator())
        return tf.nest.map_structure(lambda *some: np.concatenate(some), *parts)

    def _drawn(self, reading, counts, share, seed):
        """Batches of features of a share of the examples, before they are decoded."""

        def read(index, features):
            dense = reading.dense(features)
            # That all are complete, `counts` knows already.
            kept = reading.complete(dense) if counts.lacking else True
            if share < 1:
                first = tf.shape(next(iter(dense.values())))[:1]
                keys = tf.stack([tf.cast(seed, tf.int64), index])
                kept &= tf.random.stateless_uniform(first, keys) < share
            return dense if kept is True else _of(dense, kept)

        return self.features.enumerate().map(_plain(read), tf.data.AUTOTUNE)


def _of(dense, kept):
    """Those examples of features that are kept, `(batch,)` booleans."""
    return {name: tf.boolean_mask(values, kept) for name, values in dense.items()}


def _together(reading):
    """How many examples are decoded together."""
    size = _decoded_bytes(reading)
    return 1 if size > ALONE_BYTES else max(1, min(DECODED_BYTES // size, 256))


def _decoded_bytes(reading):
    """Bytes of the inputs of an example, without groups."""
    return 4 * math.prod(reading.image_shape or [reading.vector_size])


def _bytes(values):
    if values.dtype == tf.string:
        return tf.cast(tf.reduce_sum(tf.strings.length(values)), tf.int64)
    return tf.size(values, tf.int64) * values.dtype.size


def check_missing(split, reading, missing):
    """Counts the examples that lack something, and raises if there must be none.

    Args:
        split: a `Split`.
        reading: `ExampleReading`.
        missing: `"drop"` or `"error"`.

    Returns:
        `Counts`.

    Raises:
        ValueError: if there is no example, all lack something, or one does and
            `missing` is `"error"`.
    """
    counts = split.count(reading)
    size, lacking = counts.examples, counts.lacking
    if not size:
        raise ValueError(
            f"The {split.role} split is empty: there is no example in {split.files}. "
            "Name another split in `train_args` or `eval_args`, or fill it."
        )
    if lacking == size or (lacking and missing == "error"):
        other = "other `features`" if lacking == size else '`"missing": "drop"`'
        raise ValueError(
            f"{lacking} of {size} {split.role} examples lack one of "
            f"{[*reading.columns]}, or it is not finite. Give the recipe "
            f"`fill_values`, which stand for it, or {other}."
        )
    if lacking:
        logging.warning(
            "%d of %d %s examples lack one of %s and are left out. The recipe's "
            "`fill_values` may say what stands for it.",
            lacking,
            size,
            split.role,
            [*reading.columns],
        )
    return counts
