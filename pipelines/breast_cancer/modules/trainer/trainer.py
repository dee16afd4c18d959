"""`run_fn` for the stock Trainer: reads weights that were written beside examples."""

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.public import tfxio

from tfcommentaries import students

LABEL = "benign"
WEIGHT = "commentary"


def input_fn(files, fn_args, schema, weighted, batch_size=32):
    """Endless batches `(features, labels, weights)`; ones unless `weighted`."""
    dataset = fn_args.data_accessor.tf_dataset_factory(
        files,
        tfxio.TensorFlowDatasetOptions(batch_size=batch_size, shuffle_seed=0),
        schema,
    )

    def prepare(features):
        features = dict(features)
        weights = tf.reshape(features.pop(WEIGHT), [-1])
        y = tf.reshape(features.pop(LABEL), [-1])
        x = tf.concat([features[name] for name in sorted(features)], -1)
        # As in teaching: only the ratios of the weights count.
        weights /= tf.reduce_mean(weights)
        return x, y, weights if weighted else tf.ones_like(weights)

    return dataset.map(prepare)


def run_fn(fn_args):
    """Trains a network and exports it with the transformation.

    Args:
        fn_args: `FnArgs`; `custom_config["weighted"]` says whether to use weights.
    """
    keras.utils.set_random_seed(0)
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    schema = transform.transformed_metadata.schema
    names = sorted({feature.name for feature in schema.feature} - {LABEL})
    # Transform does not know what CommentaryAnnotator has added.
    weight = schema.feature.add(name=WEIGHT, type=schema_pb2.FLOAT)
    weight.presence.min_fraction = 1.0
    weight.shape.dim.add(size=1)
    model = students.mlp((len(names),), 2)
    model.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=["accuracy"],
    )
    weighted = fn_args.custom_config["weighted"]
    model.fit(
        input_fn(fn_args.train_files, fn_args, schema, weighted),
        steps_per_epoch=fn_args.train_steps,
        callbacks=[keras.callbacks.TensorBoard(fn_args.model_run_dir)],
        verbose=2,
    )
    export(model, transform, names, fn_args.serving_model_dir)


def export(model, transform, names, directory):
    """Exports probabilities of raw serialized examples, without their labels."""
    layer = transform.transform_features_layer()
    spec = transform.raw_feature_spec()
    spec.pop(LABEL)

    def serve(serialized):
        features = layer(tf.io.parse_example(serialized, spec))
        x = tf.concat([tf.reshape(features[n], [-1, 1]) for n in names], -1)
        return {"probabilities": tf.nn.softmax(model(x, training=False))}

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.track(layer)
    signature = [tf.TensorSpec([None], tf.string, name="examples")]
    archive.add_endpoint("serving_default", serve, signature)
    archive.write_out(directory, verbose=False)
