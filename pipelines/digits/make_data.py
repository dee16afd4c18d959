"""Writes the digits as TFRecords of PNG images."""

import os

import numpy as np
import tensorflow as tf

from tfcommentaries import datasets
from tfcommentaries.saving.replacing import replacing_directory

LABEL_NOISE = 0.4


def make_data(directory, seed=0):
    """Writes `train` with wrong labels, and clean `validation` and `eval`.

    Args:
        directory: where to write; if it exists, nothing is done.
        seed: seed of the split and the wrong labels.
    """
    if os.path.isdir(directory):
        return
    digits = datasets.load_digits(seed=seed)
    noisy, _ = datasets.corrupt_labels(digits.train.y, LABEL_NOISE, 10, seed=seed)
    parts = {
        "train": (digits.train.x, noisy),
        "validation": digits.validation,
        "eval": digits.test,
    }
    with replacing_directory(directory) as new:
        for name, (images, labels) in parts.items():
            os.makedirs(os.path.join(new, name))
            file = os.path.join(new, name, "data.tfrecord")
            with tf.io.TFRecordWriter(file) as writer:
                for image, label in zip(images, labels):
                    writer.write(_example(image, label).SerializeToString())


def _example(image, label):
    png = tf.io.encode_png(np.round(255 * image).astype("uint8")).numpy()
    feature = {
        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[png])),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature))
