"""`run_fn` for Trainer and CommentaryTrainer: one model, taught or not."""

import keras
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.utils import io_utils
from tfx_bsl.public import tfxio

import tfcommentaries
from tfcommentaries import students

SHAPE = (8, 8, 1)


def decode(images):
    """PNGs `(batch,)` or `(batch, 1)` to float32 images `(batch, 8, 8, 1)`."""

    def one(image):
        return tf.ensure_shape(tf.io.decode_png(image, 1), SHAPE)

    pixels = tf.map_fn(one, tf.reshape(images, [-1]), fn_output_signature=tf.uint8)
    return tf.cast(pixels, tf.float32) / 255


def input_fn(files, fn_args, schema, batch_size=64):
    """Endless batches `(images, labels)`."""
    dataset = fn_args.data_accessor.tf_dataset_factory(
        files,
        tfxio.TensorFlowDatasetOptions(
            batch_size=batch_size, label_key="label", shuffle_seed=0
        ),
        schema,
    )
    return dataset.map(lambda x, y: (decode(x["image"]), tf.reshape(y, [-1])))


def run_fn(fn_args):
    """Trains a CBR network and exports it.

    Args:
        fn_args: `FnArgs`. `custom_config["commentary"]` is a commentary's directory,
            from CommentaryTrainer; Trainer gives none.
    """
    keras.utils.set_random_seed(0)
    schema = io_utils.parse_pbtxt_file(fn_args.schema_path, schema_pb2.Schema())
    model = students.cbr(SHAPE, 10)
    model.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    callbacks = [keras.callbacks.TensorBoard(fn_args.model_run_dir)]
    # The one change: teach the model, if there is a commentary.
    commentary = (fn_args.custom_config or {}).get("commentary")
    if commentary is not None:
        callbacks.append(tfcommentaries.CommentaryCallback(commentary))
    model.fit(
        input_fn(fn_args.train_files, fn_args, schema),
        steps_per_epoch=fn_args.train_steps,
        callbacks=callbacks,
        verbose=2,
    )
    export(model, fn_args.serving_model_dir)


def export(model, directory):
    """Exports probabilities of serialized examples, and of images."""

    def serve(serialized):
        spec = {"image": tf.io.FixedLenFeature([], tf.string)}
        images = decode(tf.io.parse_example(serialized, spec)["image"])
        return {"probabilities": tf.nn.softmax(model(images, training=False))}

    # Loads with TF1 loaders too, unlike tf.saved_model.save of a Keras 3 model.
    archive = keras.export.ExportArchive()
    archive.track(model)
    signature = [tf.TensorSpec([None], tf.string, name="examples")]
    archive.add_endpoint("serving_default", serve, signature)
    archive.write_out(directory, verbose=False)
