"""The Beam step that annotates batches of serialized examples."""

import apache_beam as beam
import tensorflow as tf
from absl import logging
from apache_beam.utils import shared

from tfcommentaries.saving import SavedCommentary
from tfcommentaries.saving.example_reading import ExampleAnnotation, ExampleReading
from tfcommentaries.saving.manifest import inputs_of

#: Tag of the output that holds what could not be annotated.
REJECTED = "rejected"
_NAMESPACE = "tfcommentaries.CommentaryAnnotator"


class Annotate(beam.DoFn):
    """Adds a commentary's annotations to serialized tf.Examples.

    Args:
        directory: of the exported commentary, which each worker loads once.
        reading: config of an `ExampleReading`.
        progress: points at which a curriculum is asked.
        prefix: of the new features' names.
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
            records = self._annotator(batch)
        except (tf.errors.OpError, ValueError) as error:
            if len(batch) == 1:
                logging.log_first_n(
                    logging.WARNING, "Rejected an example: %s", 10, error
                )
                self._rejected.inc()
                yield beam.pvalue.TaggedOutput(REJECTED, batch[0])
                return
            # One of them is at fault; halves find it in few calls.
            half = len(batch) // 2
            yield from self.process(batch[:half])
            yield from self.process(batch[half:])
            return
        self._annotated.inc(len(records))
        yield from records


class _Annotator:
    """A commentary loaded, and everything that is traced once."""

    def __init__(self, directory, reading, progress, prefix):
        commentary = SavedCommentary(directory)
        self.annotate = ExampleAnnotation(
            commentary,
            ExampleReading.from_config(reading),
            inputs_of(commentary.manifest),
            progress,
            prefix,
        )
        self._compute = tf.function(
            self._annotate, input_signature=[tf.TensorSpec([None], tf.string)]
        )

    def _annotate(self, serialized):
        found = self.annotate(serialized)
        for name, annotation in found.items():
            tf.debugging.assert_all_finite(annotation, "The annotation is not finite")
            if annotation.shape.rank == 4:
                pixels = tf.cast(tf.round(255 * annotation), tf.uint8)
                found[name] = tf.map_fn(
                    tf.io.encode_png, pixels, fn_output_signature=tf.string
                )
        return found

    def __call__(self, batch):
        """Serialized examples with annotations, in the same order."""
        found = {k: v.numpy() for k, v in self._compute(tf.constant(batch)).items()}
        return [
            _with_features(record, {name: values[i] for name, values in found.items()})
            for i, record in enumerate(batch)
        ]


def _with_features(record, values):
    example = tf.train.Example.FromString(record)
    for name, value in values.items():
        feature = example.features.feature[name]
        feature.Clear()
        if isinstance(value, bytes):
            feature.bytes_list.value.append(value)
        else:
            feature.float_list.value.extend(value.ravel())
    return example.SerializeToString()
