"""PNGs of tf.Examples, as CommentaryGen reads them and as tf.data alone does.

    python -m benchmarks.reading_images        # with TFX

Both read the same compressed file whole, shuffled, in batches of 32, in turn and in one
process.
"""

import tempfile
import time
import types

import tensorflow as tf
from absl import app, flags

from benchmarks.harness import seconds_of
from benchmarks.tf_examples import png_example, write

FLAGS = flags.FLAGS
SIDE, BATCH = 224, 32


def define_flags():
    """Defines the flags of the command line."""
    flags.DEFINE_integer("images", 2000, "How many, of 224 x 224 x 3.")
    flags.DEFINE_integer("repeats", 3, "How often each reads all.")


def of_commentary_gen(folder, number):
    """The data set that CommentaryGen learns from."""
    from tensorflow_metadata.proto.v0 import schema_pb2
    from tfx.components.util import tfxio_utils
    from tfx.types import standard_artifacts

    from tfcommentaries.components.commentary_gen.splits import Split
    from tfcommentaries.saving.example_reading import ExampleReading

    examples = standard_artifacts.Examples()
    examples.uri, examples.split_names = f"{folder}/examples", '["train"]'
    schema = schema_pb2.Schema()
    for name, kind in {"image": "BYTES", "label": "INT"}.items():
        schema.feature.add(name=name, type=kind).shape.dim.add(size=1)
    make = tfxio_utils.get_tf_dataset_factory_from_artifact([examples], [])
    accessor = types.SimpleNamespace(tf_dataset_factory=make)
    split = Split(
        types.SimpleNamespace(data_accessor=accessor),
        [f"{folder}/examples/Split-train/*"],
        schema,
        ["image", "label"],
        "training",
        images=True,
    )
    reading = ExampleReading(
        features=["image"], label="label", image_shape=[SIDE, SIDE, 3], num_classes=3
    )
    data = split.batches(reading, split.count(reading), number, 0)
    return data.rebatch(BATCH)


def of_tf_data(folder):
    """The same by tf.data alone."""
    spec = {
        "image": tf.io.FixedLenFeature([], tf.string),
        "label": tf.io.FixedLenFeature([], tf.int64),
    }

    def read(record):
        found = tf.io.parse_single_example(record, spec)
        image = tf.io.decode_png(found["image"], 3)
        return tf.cast(image, tf.float32) / 255, found["label"]

    data = tf.data.TFRecordDataset(f"{folder}/examples/Split-train/data.gz", "GZIP")
    data = data.repeat().shuffle(1000).map(read, tf.data.AUTOTUNE).batch(BATCH)
    return data.prefetch(tf.data.AUTOTUNE)


def main(_):
    """Measures and prints."""
    number = FLAGS.images
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/examples/Split-train/data.gz"
        write(path, number, png_example())
        data = {
            "CommentaryGen": of_commentary_gen(folder, number),
            "tf.data alone": of_tf_data(folder),
        }

        def read(name):
            for _ in data[name].take(number // BATCH):
                pass

        for _ in range(FLAGS.repeats):
            for name in data:
                begin = time.process_time()
                seconds = seconds_of(lambda name=name: read(name))
                cpu = time.process_time() - begin
                print(f"{name:<15} {seconds:6.2f} s {cpu:6.2f} s of CPUs", flush=True)


if __name__ == "__main__":
    define_flags()
    app.run(main)
