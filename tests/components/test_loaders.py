"""What is exported loads wherever SavedModels do, without tfcommentaries."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tfx.components.bulk_inferrer.executor import Executor as BulkInferrer
from tfx.dsl.components.base import base_beam_executor
from tfx.types import standard_artifacts

from tfcommentaries import SavedCommentary
from tfcommentaries.components.artifact import commentary_dir

WITHOUT = "import sys; sys.modules['tfcommentaries'] = None\n"
TF2 = (
    WITHOUT
    + """
import numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
x = np.load(sys.argv[2])
found = model.signatures["serving_default"](
    x=tf.constant(x), y=tf.range(len(x), dtype=tf.int32) % 10, progress=tf.ones(len(x))
)
np.save(sys.argv[3], found["annotation"])
"""
)
TF1 = (
    WITHOUT
    + """
import numpy as np, tensorflow as tf
x = np.load(sys.argv[2])
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    meta = tf.compat.v1.saved_model.load(session, ["serve"], sys.argv[1])
    signature = meta.signature_def["serving_default"]
    values = {"x": x, "y": np.arange(len(x)) % 10, "progress": np.ones(len(x))}
    feed = {signature.inputs[name].name: value for name, value in values.items()}
    np.save(sys.argv[3], session.run(signature.outputs["annotation"].name, feed))
"""
)


def expected(artifact, x):
    saved = SavedCommentary(commentary_dir(artifact.uri))
    return saved(x, y=np.arange(len(x)) % 10, progress=1.0).numpy()


@pytest.mark.parametrize("size", [0, 1, 7])
@pytest.mark.parametrize("loader", [TF2, TF1], ids=["TF2", "TF1"])
def test_loaders(loader, size, commentary_artifact, tmp_path, digits):
    x = digits.test.x[:size]
    np.save(tmp_path / "x.npy", x)
    subprocess.run(
        [
            sys.executable,
            "-c",
            loader,
            commentary_dir(commentary_artifact.uri),
            tmp_path / "x.npy",
            tmp_path / "found.npy",
        ],
        check=True,
        timeout=200,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ""},
    )
    found = np.load(tmp_path / "found.npy")
    np.testing.assert_allclose(found, expected(commentary_artifact, x), rtol=1e-4)


def test_saved_model_cli(commentary_artifact, tmp_path, digits):
    x = digits.test.x[:3]
    y, progress = np.arange(3, dtype="int32"), np.ones(3, "float32")
    np.savez(tmp_path / "in.npz", x=x, y=y, p=progress)
    file = tmp_path / "in.npz"
    subprocess.run(
        [
            os.path.join(os.path.dirname(sys.executable), "saved_model_cli"),
            "run",
            f"--dir={commentary_dir(commentary_artifact.uri)}",
            "--tag_set=serve",
            "--signature_def=serving_default",
            f"--inputs=x={file}[x];y={file}[y];progress={file}[p]",
            f"--outdir={tmp_path / 'out'}",
        ],
        check=True,
        timeout=200,
        cwd=tmp_path,
    )
    found = np.load(tmp_path / "out" / "annotation.npy")
    np.testing.assert_allclose(found, expected(commentary_artifact, x), rtol=1e-4)


def test_stock_bulk_inferrer(artifacts, commentary_artifact, tmp_path, digits):
    model = standard_artifacts.Model()
    model.uri = commentary_artifact.uri
    output = standard_artifacts.Examples()
    output.uri = str(tmp_path / "output")
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=["--direct_running_mode=in_memory"],
        tmp_dir=str(tmp_path / "tmp"),
        unique_id="1",
    )
    column = {"output_key": "annotation_100", "output_column": "weight"}
    columns = {"signature_name": "serve_examples", "predict_output": {}}
    columns["predict_output"]["output_columns"] = [column]
    BulkInferrer(context).Do(
        {"examples": [artifacts.examples], "model": [model]},
        {"output_examples": [output]},
        {
            "data_spec": json.dumps({"example_splits": ["eval"]}),
            "model_spec": json.dumps({"model_signature_name": ["serve_examples"]}),
            "output_example_spec": json.dumps({"output_columns_spec": [columns]}),
        },
    )
    files = [str(f) for f in (tmp_path / "output" / "Split-eval").glob("*.gz")]
    found = [
        tf.train.Example.FromString(record.numpy()).features.feature["weight"]
        for record in tf.data.TFRecordDataset(files, "GZIP")
    ]
    weights = np.ravel([feature.float_list.value for feature in found])
    images = np.round(255 * digits.train.x[200:280]) / 255
    saved = SavedCommentary(commentary_dir(commentary_artifact.uri))
    expected = saved(images, y=digits.train.y[200:280], progress=1.0)
    np.testing.assert_allclose(np.sort(weights), np.sort(expected), rtol=1e-3)
