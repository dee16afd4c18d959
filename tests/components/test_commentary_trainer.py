"""CommentaryTrainer, and the stock Trainer with a commentary for base model."""

import json

import pytest
from tfx.components import Trainer
from tfx.components.trainer.executor import GenericExecutor
from tfx.proto import trainer_pb2
from tfx.types import channel_utils, standard_artifacts

from tfcommentaries import SavedCommentary
from tfcommentaries.components import CommentaryArtifact, CommentaryTrainer
from tfcommentaries.components.commentary_trainer.executor import Executor

MODULE = """
import json, os
def run_fn(fn_args):
    os.makedirs(fn_args.serving_model_dir)
    with open(os.path.join(fn_args.serving_model_dir, "seen.json"), "w") as file:
        json.dump([fn_args.custom_config, fn_args.base_model], file)
"""


@pytest.fixture
def module(tmp_path):
    file = tmp_path / "module" / "trainer.py"
    file.parent.mkdir()
    file.write_text(MODULE)
    return str(file)


def do(executor, artifacts, module, tmp_path, config=None, **inputs):
    model, run = standard_artifacts.Model(), standard_artifacts.ModelRun()
    model.uri, run.uri = str(tmp_path / "model"), str(tmp_path / "model_run")
    executor().Do(
        {
            "examples": [artifacts.examples],
            "schema": [artifacts.schema],
            **{name: [artifact] for name, artifact in inputs.items()},
        },
        {"model": [model], "model_run": [run]},
        {
            "train_args": "{}",
            "eval_args": "{}",
            "module_file": module,
            "custom_config": json.dumps(config),
        },
    )
    return json.loads((tmp_path / "model" / "Format-Serving" / "seen.json").read_text())


def test_run_fn_gets_the_commentary(artifacts, module, tmp_path, commentary_artifact):
    config, _ = do(
        Executor, artifacts, module, tmp_path, {"a": 1}, commentary=commentary_artifact
    )
    assert config["a"] == 1
    assert SavedCommentary(config["commentary"]).kind == "example_weighting"


def test_without_a_commentary_it_is_a_trainer(artifacts, module, tmp_path):
    config, _ = do(Executor, artifacts, module, tmp_path)
    assert config == {"commentary": None}


def test_refuses_an_artifact_without_a_commentary(artifacts, module, tmp_path):
    empty = CommentaryArtifact()
    empty.uri = str(tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match="no SavedModel"):
        do(Executor, artifacts, module, tmp_path, commentary=empty)


def test_stock_trainer_gets_it_as_base_model(
    artifacts, module, tmp_path, commentary_artifact
):
    as_model = standard_artifacts.Model()
    as_model.uri = commentary_artifact.uri
    _, base = do(GenericExecutor, artifacts, module, tmp_path, base_model=as_model)
    assert SavedCommentary(base).kind == "example_weighting"


def channels():
    return {
        "examples": channel_utils.as_channel([standard_artifacts.Examples()]),
        "train_args": trainer_pb2.TrainArgs(num_steps=1),
    }


def test_component_has_trainers_channels():
    commentary = channel_utils.as_channel([CommentaryArtifact()])
    found = CommentaryTrainer(run_fn="a.b", commentary=commentary, **channels())
    stock = Trainer(run_fn="a.b", **channels(), eval_args=trainer_pb2.EvalArgs())
    assert {k: v.type for k, v in found.outputs.items()} == {
        k: v.type for k, v in stock.outputs.items()
    }
    assert set(found.spec.INPUTS) - set(stock.spec.INPUTS) == {"commentary"}


def test_component_refuses_what_is_ambiguous():
    with pytest.raises(ValueError, match="exactly one of"):
        CommentaryTrainer(**channels())
    with pytest.raises(ValueError, match="Use another key"):
        CommentaryTrainer(run_fn="a.b", custom_config={"commentary": 1}, **channels())
