"""CommentaryGen."""

import json
import os
import pathlib

import chaos
import forks
import numpy as np
import pytest
import tensorflow as tf
from components import learn_here
from components.artifacts import RECIPE, make_examples
from tfx.dsl.components.base import executor_spec
from tfx.extensions.google_cloud_ai_platform import runner, training_clients
from tfx.types import channel_utils, standard_artifacts
from tfx.utils import import_utils

import tfcommentaries
from tfcommentaries import SavedCommentary
from tfcommentaries.components import CommentaryArtifact, CommentaryGen
from tfcommentaries.components.artifact import commentary_dir
from tfcommentaries.components.commentary_gen.cloud_executor import CloudExecutor
from tfcommentaries.components.commentary_gen.executor import Executor
from tfcommentaries.components.commentary_gen.recipe import recipe_of


@pytest.fixture(scope="module", autouse=True)
def preloaded():
    forks.prepare("components.learn_here")


def do(artifacts, recipe=None, examples=None, inputs=None, **properties):
    Executor().Do(
        {
            "examples": [examples or artifacts.examples],
            "schema": [artifacts.schema],
            **(inputs or {}),
        },
        {
            "commentary": [artifacts.commentary],
            "commentary_run": [artifacts.run],
            "model": [artifacts.model],
        },
        {
            "train_args": json.dumps({"num_steps": 4}),
            "eval_args": "{}",
            "custom_config": json.dumps(RECIPE if recipe is None else recipe),
            **properties,
        },
    )


def test_follows_a_recipe(artifacts, digits, tmp_path):
    do(artifacts)
    saved = SavedCommentary(commentary_dir(artifacts.commentary.uri))
    weights = saved(digits.train.x[:5], y=digits.train.y[:5]).numpy()
    assert weights.shape == (5,) and np.ptp(weights) > 0
    properties = artifacts.commentary.get_string_custom_property
    assert properties("kind") == "example_weighting"
    assert json.loads(properties("outer_metric"))["loss"] > 0
    assert len(properties("data_fingerprint")) == 16
    assert list(pathlib.Path(artifacts.run.uri).rglob("events*"))
    pictures = pathlib.Path(artifacts.commentary.uri) / "pictures"
    names = {file.name for file in pictures.iterdir()}
    assert names == {"learning.png", "weights.png", "examples.png"}
    report = (pictures.parent / "report.html").read_text()
    assert "How much each training example should count" in report
    # The checkpoint is gone, and nothing else was left behind.
    assert os.listdir(os.path.dirname(artifacts.commentary.uri)) == ["1"]
    assert not list(tmp_path.glob(".learning-*"))


def test_several_devices_learn_what_one_learns(artifacts, digits, tmp_path):
    recipe = {**RECIPE, "learner_config": {"inner_steps": 3, "students_per_step": 2}}
    found = []
    for strategy in "mirrored", None:
        artifacts.commentary.uri = str(tmp_path / "commentary" / str(strategy))
        do(artifacts, {**recipe, "strategy": strategy})
        saved = SavedCommentary(commentary_dir(artifacts.commentary.uri))
        x, y = digits.train.x[:20], digits.train.y[:20]
        found.append(saved(x, y=y).numpy())
    spread, alone = found
    assert np.ptp(alone) > 1e-4
    np.testing.assert_allclose(spread, alone, rtol=1e-5)


@pytest.mark.parametrize("task, wrote", [("worker", ["1"]), ("evaluator", [])])
def test_one_of_several_workers_writes(task, wrote, artifacts, tmp_path, monkeypatch):
    cluster = {"worker": ["localhost:1"], "evaluator": ["localhost:2"]}
    config = {"cluster": cluster, "task": {"type": task, "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    do(artifacts)
    folder = tmp_path / "commentary"
    assert [p.name for p in folder.glob("*") if not p.name.startswith(".")] == wrote


def test_the_cloud_runs_the_same_recipe(artifacts, monkeypatch):
    jobs = []
    monkeypatch.setattr(
        runner, "_launch_cloud_training", lambda **job: jobs.append(job)
    )
    # Which looks for credentials.
    monkeypatch.setattr(
        training_clients.VertexJobClient, "create_client", lambda self: None
    )
    pool = {
        "machine_spec": {"machine_type": "n1-standard-4"},
        "replica_count": 1,
        "container_spec": {"image_uri": "registry/image:1"},
    }
    config = {
        **RECIPE,
        "ai_platform_enable_vertex": True,
        "ai_platform_vertex_region": "us-central1",
        "ai_platform_training_args": {
            "project": "mine",
            "job_spec": {"worker_pool_specs": [pool]},
        },
    }
    component = CommentaryGen(
        examples=channel_utils.as_channel([artifacts.examples]),
        schema=channel_utils.as_channel([artifacts.schema]),
        custom_config=config,
    )
    component.executor_spec = executor_spec.ExecutorClassSpec(CloudExecutor)
    assert component.executor_spec.class_path.endswith("CloudExecutor")
    CloudExecutor().Do(
        {"examples": [artifacts.examples], "schema": [artifacts.schema]},
        {"commentary": [artifacts.commentary]},
        dict(component.exec_properties),
    )
    (job,) = jobs
    assert job["project"] == "mine" and job["enable_vertex"]
    (spec,) = job["training_job"]["job_spec"]["worker_pool_specs"]
    command = spec["container_spec"]["command"]
    path = command[command.index("--executor_class_path") + 1]
    assert import_utils.import_class_by_path(path) is Executor
    given = json.loads(command[command.index("--exec-properties") + 1])
    assert recipe_of(json.loads(given["custom_config"])) == recipe_of(RECIPE)


def test_runs_a_users_module(artifacts, tmp_path):
    module = tmp_path / "module" / "learn.py"
    module.parent.mkdir()
    module.write_text(
        "from tfcommentaries import ExampleWeighting, export_commentary\n"
        "import numpy as np\n"
        "def run_fn(fn_args):\n"
        "    assert fn_args.train_files and fn_args.schema_path\n"
        "    weighting = ExampleWeighting()\n"
        "    weighting.teach(np.zeros((2, 8, 8, 1)), np.zeros(2))\n"
        "    if fn_args.custom_config['export']:\n"
        "        export_commentary(weighting, fn_args.commentary_dir)\n"
    )
    do(artifacts, {"export": True}, module_file=str(module))
    assert not SavedCommentary(commentary_dir(artifacts.commentary.uri)).uses_labels
    artifacts.commentary.uri += "-none"
    with pytest.raises(RuntimeError, match="run_fn wrote no commentary"):
        do(artifacts, {"export": False}, module_file=str(module))


def test_goes_on_from_a_base_commentary(
    artifacts, commentary_artifact, weighting, digits
):
    # Learning so slowly keeps the weights.
    recipe = {**RECIPE, "learning_rate": 1e-9}
    recipe["commentary_config"] = {"num_classes": 10, "curriculum": True}
    do(artifacts, recipe, inputs={"base_commentary": [commentary_artifact]})
    x, y = digits.train.x[:5], digits.train.y[:5]
    expected = weighting(x, y=y, progress=0.5)
    saved = SavedCommentary(commentary_dir(artifacts.commentary.uri))
    np.testing.assert_allclose(saved(x, y=y, progress=0.5), expected, rtol=1e-4)
    with pytest.raises(ValueError, match="Make it with the same arguments"):
        recipe = {**RECIPE, "commentary_config": {}}
        do(artifacts, recipe, inputs={"base_commentary": [commentary_artifact]})


def test_takes_what_tuner_found(artifacts, tmp_path):
    best = standard_artifacts.HyperParameters()
    best.uri = str(tmp_path / "best")
    (tmp_path / "best").mkdir()
    # The last is a Trainer's.
    values = {"values": {"commentary/learner_config/inner_steps": 2, "rate": 7}}
    (tmp_path / "best" / "best_hyperparameters.txt").write_text(json.dumps(values))
    do(artifacts, inputs={"hyperparameters": [best]})
    saved = SavedCommentary(commentary_dir(artifacts.commentary.uri))
    assert saved.learned_steps == 2
    values = {"values": {"commentary/inner_steps": 2}}
    (tmp_path / "best" / "best_hyperparameters.txt").write_text(json.dumps(values))
    with pytest.raises(ValueError, match="'commentary/inner_steps' from Tuner is not"):
        do(artifacts, inputs={"hyperparameters": [best]})


def test_killed_and_run_again_it_ends_the_same(artifacts, tmp_path):
    # Long enough to be killed in the middle.
    recipe = {**RECIPE, "learner_config": {"inner_steps": 10}}
    generator = np.random.default_rng(0)
    arguments = learn_here.learn, str(tmp_path), recipe
    assert chaos.killed(generator, 3.0, *arguments, "1")
    for _ in range(2):
        assert chaos.killed(
            generator,
            0.5,
            *arguments,
            "1",
            after=lambda: list(tmp_path.glob(".learning-*/*.index")),
        )
    assert not (tmp_path / "commentary" / "1" / "Format-Serving").exists()
    # On from what the killed ones left, and then as if nothing had been learned.
    assert list(tmp_path.glob(".learning-*/*.index"))
    forks.finish(*arguments, "2")
    assert not list(tmp_path.glob(".learning-*"))
    forks.finish(*arguments, "3")
    resumed, undisturbed = (
        tf.saved_model.load(str(tmp_path / "commentary" / execution / "Format-Serving"))
        for execution in ("2", "3")
    )
    for one, other in zip(
        resumed.trainable_variables, undisturbed.trainable_variables, strict=True
    ):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_learning_survives_an_export_that_fails(artifacts, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("disk full")

    recipe = {**RECIPE, "learner_config": {"inner_steps": 2}}
    with monkeypatch.context() as patch:
        patch.setattr(tfcommentaries, "export_commentary", fail)
        with pytest.raises(OSError, match="disk full"):
            do(artifacts, recipe)
        assert list(tmp_path.glob(".learning-*"))
    do(artifacts, recipe)
    metrics = artifacts.commentary.get_string_custom_property("outer_metric")
    assert json.loads(metrics)["loss"] > 0
    pictures = pathlib.Path(artifacts.commentary.uri) / "pictures"
    assert (pictures / "learning.png").exists()


def test_other_data_in_the_same_place_are_learned_from_the_beginning(
    artifacts, tmp_path, monkeypatch
):
    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(tfcommentaries, "export_commentary", fail)
    recipe = {**RECIPE, "learner_config": {"inner_steps": 2}}
    file = pathlib.Path(artifacts.examples.uri) / "Split-train" / "data.gz"
    kept = file.read_bytes()
    for content, runs in ((kept, 1), (kept, 1), (kept + kept, 2)):
        file.write_bytes(content)
        with pytest.raises(OSError, match="disk full"):
            do(artifacts, recipe)
        assert len(list(tmp_path.glob(".learning-*"))) == runs


def refused(artifacts, message, **options):
    with pytest.raises(ValueError, match=message):
        do(artifacts, **options)
    assert not os.path.exists(commentary_dir(artifacts.commentary.uri))


def test_refuses_examples_without_the_feature(artifacts):
    recipe = {**RECIPE, "features": "picture"}
    refused(
        artifacts, r"no feature \['picture'\].*has \['image', 'label'\]", recipe=recipe
    )


def test_refuses_an_empty_split(artifacts, tmp_path, digits):
    x, y = digits.train.x[:20], digits.train.y[:20]
    empty = make_examples(tmp_path / "empty", train=(x, y), eval=(x[:0], y[:0]))
    refused(artifacts, "validation split is empty", examples=empty)


def test_refuses_labels_out_of_range(artifacts):
    recipe = {**RECIPE, "num_classes": 4, "commentary_config": {"num_classes": 4}}
    refused(artifacts, "label must be from 0 to 3", recipe=recipe)


def test_refuses_a_corrupt_file(artifacts):
    file = pathlib.Path(artifacts.examples.uri) / "Split-train" / "data.gz"
    file.write_bytes(file.read_bytes()[:1000] + b"nonsense" * 100)
    refused(artifacts, "cannot be read")


def test_refuses_images_of_another_size(artifacts):
    recipe = {**RECIPE, "image_shape": [9, 8, 1]}
    refused(artifacts, r"Images must be of shape \(9, 8, 1\)", recipe=recipe)


def component(**options):
    examples = channel_utils.as_channel([standard_artifacts.Examples()])
    schema = channel_utils.as_channel([standard_artifacts.Schema()])
    return CommentaryGen(examples=examples, schema=schema, **options)


def test_component_has_its_channels():
    found = component(custom_config=RECIPE)
    assert found.outputs["commentary"].type is CommentaryArtifact
    assert found.outputs["commentary_run"].type is standard_artifacts.ModelRun
    assert found.outputs["model"].type is standard_artifacts.Model


def test_component_refuses_a_recipe_that_lacks_something():
    with pytest.raises(ValueError, match="student must be given"):
        component(custom_config={"features": "image"})
    with pytest.raises(ValueError, match="there is no studnet. Did you mean student"):
        component(custom_config={**RECIPE, "studnet": "x.y"})
    with pytest.raises(ValueError, match=r"no `commentary` 'Weights'"):
        component(custom_config={**RECIPE, "commentary": "Weights"})


def test_artifact_type_is_found_as_kubeflow_does():
    assert tfcommentaries.CommentaryArtifact is CommentaryArtifact
    assert CommentaryArtifact.TYPE_NAME == "tfcommentaries.CommentaryArtifact"
    assert not CommentaryArtifact.PROPERTIES
