"""Makes artifacts by hand."""

import os

import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("tfx", reason="TFX is not installed here (extra `tfx`)")

from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils

RECIPE = {
    "features": "image",
    "image_shape": [8, 8, 1],
    "num_classes": 10,
    "commentary_config": {"num_classes": 10},
    "student": "tfcommentaries.students.cbr",
    "student_config": {"filters": [4, 8]},
    "learner_config": {"inner_steps": 3},
    "validation_batch_size": 64,
}


def write_examples(file, images, labels, sites=None):
    """Writes PNG images with labels, and sites, as compressed TFRecords."""
    os.makedirs(os.path.dirname(file), exist_ok=True)
    with tf.io.TFRecordWriter(str(file), "GZIP") as writer:
        for i, (image, label) in enumerate(zip(images, labels)):
            site = None if sites is None else sites[i]
            writer.write(make_example(image, label, site).SerializeToString())


def make_example(image, label, site=None):
    """One example; the image a PNG."""
    png = tf.io.encode_png(np.round(255 * image).astype("uint8")).numpy()
    feature = {
        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[png])),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    if site is not None:
        value = tf.train.BytesList(value=[site.encode()])
        feature["site"] = tf.train.Feature(bytes_list=value)
    return tf.train.Example(features=tf.train.Features(feature=feature))


def make_examples(uri, **splits):
    """An Examples artifact; splits are `(images, labels)` or these and sites."""
    artifact = standard_artifacts.Examples()
    artifact.uri = str(uri)
    artifact.span, artifact.version = 7, 2
    artifact.split_names = artifact_utils.encode_split_names(list(splits))
    for name, part in splits.items():
        write_examples(os.path.join(uri, f"Split-{name}", "data.gz"), *part)
    return artifact


def make_schema(uri, sites=False):
    """A Schema artifact for such examples."""
    schema = schema_pb2.Schema()
    for name, kind in (("image", schema_pb2.BYTES), ("label", schema_pb2.INT)):
        feature = schema.feature.add(name=name, type=kind)
        feature.presence.min_fraction = 1.0
        feature.shape.dim.add(size=1)
    if sites:
        # Which validation examples lack.
        schema.feature.add(name="site", type=schema_pb2.BYTES).value_count.max = 1
    artifact = standard_artifacts.Schema()
    artifact.uri = str(uri)
    io_utils.write_pbtxt_file(os.path.join(uri, "schema.pbtxt"), schema)
    return artifact
