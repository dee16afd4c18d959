"""The Beam step that annotates batches of serialized examples."""

import itertools

import apache_beam as beam
import tensorflow as tf
from absl import logging
from apache_beam.utils import shared

from tfcommentaries.saving import SavedCommentary
from tfcommentaries.saving.example_annotation import ExampleAnnotation
from tfcommentaries.saving.example_reading import ExampleReading
from tfcommentaries.saving.manifest import inputs_of

#: Tag of the output that holds what could not be annotated.
REJECTED = "rejected"
_NAMESPACE = "tfcommentaries.CommentaryAnnotator"


class Annotate(beam.DoFn):
    """Adds a commentary's annotations to serialized tf.Examples.

    Args:
        directory: path of the exported commentary, which each worker loads once.
        reading: config of an `ExampleReading`.
        progress: points at which a curriculum is evaluated.
        prefix: prefix of the new features' names.
    """

    def __init__(self, directory, reading, progress, prefix):
        self.directory = directory
        self.reading = reading
        self.progress = progress
        self.prefix = prefix
        self._handle = shared.Shared()
        self._annotated = beam.metrics.Metrics.counter(_NAMESPACE, "annotated")
        self._rejected = beam.metrics.Metrics.counter(_NAMESPACE, "rejected")

    def setup(self):
        self._annotator = self._handle.acquire(self._load)

    def _load(self):
        return _Annotator(self.directory, self.reading, self.progress, self.prefix)

    def process(self, batch):
        try:
            records, lacking = self._annotator(batch)
        except (tf.errors.OpError, ValueError) as error:
            if len(batch) == 1:
                logging.log_first_n(
                    logging.WARNING, "Rejected an example: %s", 10, error
                )
                self._rejected.inc()
                yield beam.pvalue.TaggedOutput(REJECTED, batch[0])
                return
            # One of them is at fault; halving finds it in few calls.
            half = len(batch) // 2
            yield from self.process(batch[:half])
            yield from self.process(batch[half:])
            return
        if lacking:
            logging.log_first_n(
                logging.WARNING,
                "Rejected %d examples that lack one of %s",
                10,
                len(lacking),
                self._annotator.needed,
            )
            self._rejected.inc(len(lacking))
        self._annotated.inc(len(records))
        yield from records
        for record in lacking:
            yield beam.pvalue.TaggedOutput(REJECTED, record)


class _Annotator:
    """A loaded commentary, and everything that is traced once."""

    def __init__(self, directory, reading, progress, prefix):
        commentary = SavedCommentary(directory)
        self.annotate = ExampleAnnotation(
            commentary,
            ExampleReading.from_config(reading),
            inputs_of(commentary.manifest),
            progress,
            prefix,
        )
        self.needed = self.annotate.names
        self._compute = tf.function(
            self._annotate,
            input_signature=[tf.TensorSpec([None], tf.string)],
            autograph=False,
        )

    def _annotate(self, serialized):
        found, complete = self.annotate.annotate_complete(serialized)
        for name, annotation in found.items():
            tf.debugging.assert_all_finite(annotation, "The annotation is not finite")
            if annotation.shape.rank == 4:
                pixels = tf.cast(tf.round(255 * annotation), tf.uint8)
                found[name] = tf.map_fn(
                    tf.io.encode_png, pixels, fn_output_signature=tf.string
                )
        return found, complete

    def __call__(self, batch):
        """Annotates serialized examples.

        Returns:
            `(records, lacking)`: serialized examples with annotations, in the same
            order, and those that lack a feature, as they came.
        """
        found, complete = self._compute(tf.constant(batch))
        complete = complete.numpy()
        records = list(itertools.compress(batch, complete))
        added = [_serialized(name, v.numpy()) for name, v in found.items()]
        names = [name.encode() for name in found]
        records = [
            _joined(parts[0], parts[1:], names) for parts in zip(records, *added)
        ]
        return records, list(itertools.compress(batch, ~complete))


def _serialized(name, values):
    """Serialized Examples with only one feature, one for each of the values."""
    if values.dtype == object:
        return [_example(name, bytes_list={"value": [value]}) for value in values]
    values = values.reshape(len(values), -1).astype("<f4")
    if not values.size:
        return [b""] * len(values)
    # They differ only in the floats, which come last.
    start = _example(name, float_list={"value": values[0]})[: -values[0].nbytes]
    return [start + row.tobytes() for row in values]


def _example(name, **kind):
    feature = {name: tf.train.Feature(**kind)}
    return tf.train.Example(
        features=tf.train.Features(feature=feature)
    ).SerializeToString()


def _joined(record, added, names):
    """Joins serialized Examples into one: parsing merges concatenated messages."""
    if any(name in record for name in names):
        # The record may have features of these names, and some readers take the first.
        example = tf.train.Example.FromString(record)
        for name in names:
            example.features.feature.pop(name.decode(), None)
        record = example.SerializeToString()
    return b"".join([record, *added])
