"""Whole pipelines, here and compiled for Kubeflow."""

import importlib
import json
import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("tfx", reason="TFX is not installed here (extra `tfx`)")

from absl.testing import flagsaver
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.components.bulk_inferrer.executor import Executor as BulkInferrer
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, standard_artifacts

from pipelines import kubeflow_v2_runner, local_runner

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


def run(capsys, name, root):
    """Runs a pipeline with few steps; gives what it prints at the end."""
    flags = {"root": str(root), "outer_steps": "3", "student_steps": "5"}
    with flagsaver.as_parsed(pipeline=name, **flags):
        local_runner.main(None)
    return capsys.readouterr().out


# What serves a model knows nothing of tfcommentaries.
LOAD = """
import sys
sys.modules["tfcommentaries"] = None
import numpy as np, tensorflow as tf
examples, *models = sys.argv[1:]
records = list(tf.data.TFRecordDataset(examples, "GZIP").take(5).as_numpy_iterator())
for model in models:
    served = tf.saved_model.load(model).signatures["serving_default"]
    two = served(tf.constant(records))["probabilities"].numpy()
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], model)
        signature = meta.signature_def["serving_default"]
        (given,) = signature.inputs.values()
        output = signature.outputs["probabilities"].name
        one = session.run(output, {given.name: records})
    np.testing.assert_allclose(one, two, rtol=1e-4)
    np.testing.assert_allclose(two.sum(-1), np.ones(5), rtol=1e-4)
"""


def load_models(root):
    """Loads both trained models as what serves them does, and infers with one."""
    models = sorted(root.glob("artifacts/*Trainer/model/*/Format-Serving"))
    (examples,) = root.glob("artifacts/*ExampleGen/examples/*/Split-eval/*.gz")
    assert len(models) == 2
    subprocess.run(
        [sys.executable, "-c", LOAD, str(examples), *map(str, models)],
        check=True,
        timeout=300,
        cwd=root,
        env={**os.environ, "PYTHONPATH": ""},
    )
    infer(models[0].parent, examples.parents[1], root / "inferred")
    return models[0], examples


def run_saved_model_cli(model, examples):
    """Asks a model about one example on the command line."""
    (record,) = tf.data.TFRecordDataset(str(examples), "GZIP").take(1)
    features = tf.train.Example.FromString(record.numpy()).features.feature
    example = {
        name: list(getattr(feature, feature.WhichOneof("kind")).value)
        for name, feature in features.items()
    }
    signature = tf.saved_model.load(str(model)).signatures["serving_default"]
    (given,) = signature.structured_input_signature[1]
    found = subprocess.run(
        [
            os.path.join(os.path.dirname(sys.executable), "saved_model_cli"),
            "run",
            f"--dir={model}",
            "--tag_set=serve",
            "--signature_def=serving_default",
            f"--input_examples={given}=[{example}]",
        ],
        check=True,
        timeout=200,
        capture_output=True,
        text=True,
    )
    assert "Result for output key probabilities:" in found.stdout


def infer(model_uri, examples_uri, directory):
    """Runs the stock BulkInferrer with a model; every example gets its output."""
    model, examples = standard_artifacts.Model(), standard_artifacts.Examples()
    model.uri, examples.uri = str(model_uri), str(examples_uri)
    examples.split_names = artifact_utils.encode_split_names(["eval"])
    output = standard_artifacts.Examples()
    output.uri = str(directory / "output")
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=["--direct_running_mode=in_memory"],
        tmp_dir=str(directory / "tmp"),
        unique_id="1",
    )
    column = {"output_key": "probabilities", "output_column": "probabilities"}
    spec = {"predict_output": {"output_columns": [column]}}
    BulkInferrer(context).Do(
        {"examples": [examples], "model": [model]},
        {"output_examples": [output]},
        {
            "data_spec": json.dumps({"example_splits": ["eval"]}),
            "model_spec": json.dumps({"model_signature_name": ["serving_default"]}),
            "output_example_spec": json.dumps({"output_columns_spec": [spec]}),
        },
    )

    def read(uri):
        files = [str(f) for f in (pathlib.Path(uri) / "Split-eval").glob("*.gz")]
        return list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())

    found = [tf.train.Example.FromString(record) for record in read(output.uri)]
    assert len(found) == len(read(examples_uri))
    for example in found:
        values = example.features.feature["probabilities"].float_list.value
        np.testing.assert_allclose(sum(values), 1, rtol=1e-4)


def states_of(printed):
    lines = r"^  (\w+) +(complete|cached|failed) +[\d.]+ s$"
    return dict(re.findall(lines, printed, re.MULTILINE))


@pytest.mark.parametrize("name", COMPONENTS)
def test_runs_from_end_to_end_and_then_from_the_cache(name, tmp_path, capsys):
    printed = run(capsys, name, tmp_path)
    assert states_of(printed) == dict.fromkeys(COMPONENTS[name], "complete")
    assert "tfcommentaries.CommentaryArtifact" in printed
    lines = printed.split("Metrics on the eval split:")[1].strip().splitlines()
    assert {line.split()[0] for line in lines} == {"taught", "untaught"}
    assert all("sparse_categorical_accuracy 0." in line for line in lines)
    model = load_models(tmp_path)
    if name == "digits":
        run_saved_model_cli(*model)
    again = states_of(run(capsys, name, tmp_path))
    assert again == dict.fromkeys(COMPONENTS[name], "cached")


@pytest.mark.parametrize("name", COMPONENTS)
def test_compiles_for_kubeflow(name, tmp_path):
    output = tmp_path / "compiled.json"
    flags = {
        "output": str(output),
        "image": "registry/image:1",
        "data_root": "gs://bucket/data",
        "pipeline_root": "gs://bucket/root",
        "serving_dir": "gs://bucket/serving",
        "accelerator": "NVIDIA_TESLA_T4",
        "accelerator_count": "2",
        "beam_pipeline_args": ["--runner=DataflowRunner", "--region=r1"],
    }
    with flagsaver.as_parsed(pipeline=name, **flags):
        kubeflow_v2_runner.main(None)
    # Parsing checks it against the schema of the intermediate representation.
    spec = pipeline_spec_pb2.PipelineSpec()
    json_format.ParseDict(json.loads(output.read_text())["pipelineSpec"], spec)
    assert set(spec.root.dag.tasks) == set(COMPONENTS[name])
    executors = spec.deployment_spec["executors"]
    for name_, executor in executors.items():
        container = executor["container"]
        assert container["image"] == "registry/image:1", name_
        assert "kubeflow_v2_run_executor" in " ".join(container["command"]), name_
    beam = [
        name_
        for name_, executor in executors.items()
        if {*flags["beam_pipeline_args"]} <= {*executor["container"]["args"]}
    ]
    assert any(name_.startswith("StatisticsGen") for name_ in beam)
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
