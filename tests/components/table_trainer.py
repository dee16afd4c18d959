"""A user's `run_fn` for the stock Trainer, which reads annotated examples."""

import keras
import tensorflow as tf

NUMBERS = "alcohol", "magnesium"
LABEL, WEIGHT = "kind", "commentary"


def run_fn(fn_args):
    """Trains on the rows that have all numbers, with the weights beside them."""
    files = tf.io.matching_files(fn_args.train_files)
    # CsvExampleGen writes whole numbers as such, and nothing where a value is missing.
    types = {"alcohol": tf.float32, "magnesium": tf.int64, LABEL: tf.int64}
    spec = {
        name: tf.io.FixedLenSequenceFeature([], dtype, True, tf.constant(-1, dtype))
        for name, dtype in types.items()
    }
    spec[WEIGHT] = tf.io.FixedLenSequenceFeature([], tf.float32, True, 0.0)

    def prepare(batch):
        row = {k: v[:, 0] for k, v in tf.io.parse_example(batch, spec).items()}
        x = tf.stack([tf.cast(row[name], tf.float32) for name in NUMBERS], -1)
        keep = tf.reduce_all(x >= 0, -1) & (row[LABEL] >= 0)
        return tuple(tf.boolean_mask(a, keep) for a in (x, row[LABEL], row[WEIGHT]))

    data = tf.data.TFRecordDataset(files, "GZIP").batch(64).map(prepare)
    normalization = keras.layers.Normalization()
    normalization.adapt(data.map(lambda x, y, weight: x))
    model = keras.Sequential(
        [keras.Input((2,)), normalization, keras.layers.Dense(3, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(data.repeat(), steps_per_epoch=fn_args.train_steps, verbose=0)
    model.export(fn_args.serving_model_dir, verbose=False)
