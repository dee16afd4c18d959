"""Whole pipelines, here and compiled for Kubeflow."""

import importlib
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

pytest.importorskip("tfx", reason="TFX is not installed here (extra `tfx`)")

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

ROOT = pathlib.Path(__file__).parents[2]
COMPONENTS = {
    "digits": [
        "ImportExampleGen",
        "StatisticsGen",
        "SchemaGen",
        "CommentaryGen",
        "CommentaryTrainer",
        "UntaughtTrainer",
        "Evaluator",
        "Pusher",
    ],
    "breast_cancer": [
        "CsvExampleGen",
        "StatisticsGen",
        "SchemaGen",
        "Transform",
        "CommentaryGen",
        "CommentaryAnnotator",
        "Trainer",
        "UntaughtTrainer",
        "Evaluator",
        "Pusher",
    ],
}


def run(name, root):
    """Runs a pipeline with few steps; gives what it prints at the end."""
    command = [sys.executable, "-m", f"pipelines.{name}.local_runner"]
    flags = [f"--root={root}", "--outer_steps=3", "--student_steps=5"]
    found = subprocess.run(
        [*command, *flags],
        cwd=ROOT,
        check=True,
        timeout=900,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return found.stdout


# What serves a model knows nothing of tfcommentaries.
LOAD = """
import sys
sys.modules["tfcommentaries"] = None
import numpy as np, tensorflow as tf
records = list(tf.data.TFRecordDataset(sys.argv[2], "GZIP").take(5).as_numpy_iterator())
served = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
two = served(tf.constant(records))["probabilities"].numpy()
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    meta = tf.compat.v1.saved_model.load(session, ["serve"], sys.argv[1])
    signature = meta.signature_def["serving_default"]
    (given,) = signature.inputs.values()
    output = signature.outputs["probabilities"].name
    one = session.run(output, {given.name: records})
np.testing.assert_allclose(one, two, rtol=1e-4)
np.testing.assert_allclose(two.sum(-1), np.ones(5), rtol=1e-4)
"""


def load_models(root):
    """Loads all trained models with the loaders of TensorFlow 2 and 1."""
    models = sorted(root.glob("artifacts/*Trainer/model/*/Format-Serving"))
    (examples,) = root.glob("artifacts/*ExampleGen/examples/*/Split-eval/*.gz")
    assert len(models) == 2
    for model in models:
        subprocess.run(
            [sys.executable, "-c", LOAD, str(model), str(examples)],
            check=True,
            timeout=300,
            cwd=root,
            env={**os.environ, "PYTHONPATH": ""},
        )


def states_of(printed):
    lines = r"^  (\w+) +(complete|cached|failed) +[\d.]+ s$"
    return dict(re.findall(lines, printed, re.MULTILINE))


@pytest.mark.parametrize("name", COMPONENTS)
def test_runs_from_end_to_end_and_then_from_the_cache(name, tmp_path):
    printed = run(name, tmp_path)
    states = dict(
        re.findall(r"^  (\w+) +(complete|cached|failed) +[\d.]+ s$", printed, re.M)
    )
    assert states == dict.fromkeys(COMPONENTS[name], "complete")
    assert "tfcommentaries.CommentaryArtifact" in printed
    lines = printed.split("Metrics on the eval split:")[1].strip().splitlines()
    assert {line.split()[0] for line in lines} == {"taught", "untaught"}
    assert all("sparse_categorical_accuracy 0." in line for line in lines)
    load_models(tmp_path)
    again = run(name, tmp_path)
    states = dict(
        re.findall(r"^  (\w+) +(complete|cached|failed) +[\d.]+ s$", again, re.M)
    )
    assert states == dict.fromkeys(COMPONENTS[name], "cached")


@pytest.mark.parametrize("name", COMPONENTS)
def test_compiles_for_kubeflow(name, tmp_path):
    output = tmp_path / "compiled.json"
    subprocess.run(
        [
            sys.executable,
            "-m",
            f"pipelines.{name}.kubeflow_v2_runner",
            f"--output={output}",
            "--image=registry/image:1",
            "--data_root=gs://bucket/data",
            "--pipeline_root=gs://bucket/root",
            "--serving_dir=gs://bucket/serving",
        ],
        cwd=ROOT,
        check=True,
        timeout=300,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    # Parsing checks it against the schema of the intermediate representation.
    spec = pipeline_spec_pb2.PipelineSpec()
    json_format.ParseDict(json.loads(output.read_text())["pipelineSpec"], spec)
    assert set(spec.root.dag.tasks) == set(COMPONENTS[name])
    executors = spec.deployment_spec["executors"]
    for name_, executor in executors.items():
        container = executor["container"]
        assert container["image"] == "registry/image:1", name_
        assert "kubeflow_v2_run_executor" in " ".join(container["command"]), name_
    classes = [
        argument
        for executor in executors.values()
        for argument in executor["container"]["args"]
        if str(argument).startswith("tfcommentaries.components")
    ]
    assert classes
    for path in classes:
        module, class_ = path.rsplit(".", 1)
        assert hasattr(importlib.import_module(module), class_)
