"""Statistics of annotations that are logged while a commentary is learned."""

import keras
import numpy as np
import tensorflow as tf

#: Losses on which a commentary that sees losses is built and logged.
LOSSES = np.linspace(0, 10, 11, dtype="float32")

#: Names in the logs, and how each is computed from an annotation.
ANNOTATION_SUMMARY = {
    "annotation_mean": tf.reduce_mean,
    "annotation_min": tf.reduce_min,
    "annotation_max": tf.reduce_max,
}


def summarize(annotation):
    """`{name: scalar}` of one annotation of any shape."""
    return {name: reduce(annotation) for name, reduce in ANNOTATION_SUMMARY.items()}


def summarize_batch(commentary, batch, progress):
    """`summarize` of what a commentary says of a batch, or of `LOSSES`."""
    if commentary.uses_student_loss:
        return summarize(commentary(LOSSES))
    x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
    return summarize(commentary(x, y=y, progress=progress))
