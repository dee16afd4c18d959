"""Requests that TensorFlow Serving answers before those of clients."""

import os
from collections.abc import Sequence

import tensorflow as tf

from tfcommentaries.saving.manifest import read_manifest
from tfcommentaries.saving.replacing import replacing_directory
from tfcommentaries.typing import Path, Tensors

#: What TensorFlow Serving looks for.
_FILE = "tf_serving_warmup_requests"


def write_warmup_requests(
    path: Path,
    x: Tensors,
    y: Tensors = None,
    progress: float = 0.0,
    batch_sizes: Sequence[int] = (1,),
    name: str | None = None,
) -> None:
    """Adds warm-up requests to an exported commentary.

    The first answer of a SavedModel is slow, since it prepares the graph. TensorFlow
    Serving replays these requests when it loads a version, so that no client waits.
    Needs the package tensorflow-serving-api, which the extra `tfx` installs.

    Args:
        path: directory of the exported commentary.
        x: inputs of the commentary, an array or a dict of arrays, with at least as many
            examples as the largest batch.
        y: labels, if the commentary uses them.
        progress: training progress, if the commentary uses it.
        batch_sizes: one request is made of each size.
        name: name of the model on the server; `None` takes that of the folder that
            holds the versions.

    Raises:
        FileNotFoundError: if there is no SavedModel.
        ImportError: if tensorflow-serving-api is not installed.
        ValueError: if it is not a commentary, an input is missing, or there are fewer
            examples than in a batch.
    """
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError as error:
        raise ImportError(
            "Warm-up requests need `pip install tensorflow-serving-api`."
        ) from error
    manifest = read_manifest(path)
    path = os.path.abspath(path)
    name = name or os.path.basename(os.path.dirname(path))
    inputs = dict(x) if manifest["inputs_are_dict"] else {"x": x}
    inputs["y"] = y
    most = max(batch_sizes)
    inputs["progress"] = tf.fill([most], float(progress))
    records = []
    for size in batch_sizes:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = name
        request.model_spec.signature_name = "serving_default"
        for key, spec in manifest["inputs"].items():
            if inputs.get(key) is None or len(inputs[key]) < size:
                raise ValueError(
                    f"The commentary at {path} needs {most} examples of {key!r} for "
                    f"these requests. Received: {sorted(inputs)} with "
                    f"{'none' if inputs.get(key) is None else len(inputs[key])}."
                )
            value = tf.cast(inputs[key][:size], spec["dtype"])
            request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
        log = prediction_log_pb2.PredictionLog()
        log.predict_log.request.CopyFrom(request)
        records.append(log.SerializeToString())
    folder = os.path.join(path, "assets.extra")

    def ours(folder):
        return tf.io.gfile.listdir(folder) == [_FILE]

    with replacing_directory(folder, ours) as directory:
        file = os.path.join(directory, _FILE)
        with tf.io.TFRecordWriter(file) as writer:
            for record in records:
                writer.write(record)
