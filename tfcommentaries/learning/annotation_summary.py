"""Statistics of annotations that are logged while a commentary is learned."""

import tensorflow as tf

#: Names in the logs, and how each is computed from an annotation.
ANNOTATION_SUMMARY = {
    "annotation_mean": tf.reduce_mean,
    "annotation_min": tf.reduce_min,
    "annotation_max": tf.reduce_max,
}


def summarize(annotation):
    """`{name: scalar}` of one annotation of any shape."""
    return {name: reduce(annotation) for name, reduce in ANNOTATION_SUMMARY.items()}
