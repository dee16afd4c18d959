"""Files of tf.Examples that benchmarks read."""

import pathlib

import numpy as np
import tensorflow as tf


def write(path, number, example):
    """Writes tf.Examples; `example` gives lists of values by name."""
    kinds = {bytes: "bytes_list", int: "int64_list", float: "float_list"}
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(path, "GZIP") as file:
        for i in range(number):
            features = {
                name: tf.train.Feature(**{kinds[type(values[0])]: {"value": values}})
                for name, values in example(i).items()
            }
            features = tf.train.Features(feature=features)
            file.write(tf.train.Example(features=features).SerializeToString())


def png_example():
    """A function to the i-th of examples of PNGs of 224 x 224 x 3."""
    generator = np.random.default_rng(0)
    pictures = []
    for _ in range(20):
        small = generator.random((14, 14, 3))
        noise = generator.integers(0, 2, (224, 224, 3))
        image = tf.image.resize(small, (224, 224)).numpy() * 250 + noise
        pictures.append(tf.io.encode_png(image.astype("uint8")).numpy())

    def example(i):
        return {
            "image": [pictures[i % 20]],
            "label": [i % 3],
            "source": [b"ann", b"bob"][i % 2 : i % 2 + 1],
        }

    return example
