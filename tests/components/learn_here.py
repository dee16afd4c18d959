"""The components' executors on artifacts in a folder, to be killed by tests."""

import json

from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, standard_artifacts

from tfcommentaries.components import CommentaryArtifact
from tfcommentaries.components.commentary_annotator.executor import (
    Executor as Annotator,
)
from tfcommentaries.components.commentary_gen.executor import Executor


def _artifact(kind, uri):
    artifact = kind()
    artifact.uri = uri
    return artifact


def _examples(directory):
    examples = _artifact(standard_artifacts.Examples, f"{directory}/examples")
    examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
    return examples


def learn(directory, recipe, execution):
    """CommentaryGen, 30 outer steps."""
    schema = _artifact(standard_artifacts.Schema, f"{directory}/schema")
    outputs = {
        "commentary": CommentaryArtifact,
        "commentary_run": standard_artifacts.ModelRun,
        "model": standard_artifacts.Model,
    }
    Executor().Do(
        {"examples": [_examples(directory)], "schema": [schema]},
        {
            name: [_artifact(kind, f"{directory}/{name}/{execution}")]
            for name, kind in outputs.items()
        },
        {
            "train_args": json.dumps({"num_steps": 30}),
            "eval_args": "{}",
            "custom_config": json.dumps(recipe),
        },
    )


def annotate(directory, commentary, execution):
    """CommentaryAnnotator, on all splits."""
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=["--direct_running_mode=in_memory"],
        tmp_dir=f"{directory}/tmp/{execution}",
        unique_id=str(execution),
    )
    Annotator(context).Do(
        {
            "examples": [_examples(directory)],
            "commentary": [_artifact(CommentaryArtifact, commentary)],
        },
        {
            f"{name}_examples": [
                _artifact(
                    standard_artifacts.Examples, f"{directory}/{name}/{execution}"
                )
            ]
            for name in ("annotated", "rejected")
        },
        {"progress": "[0.0, 1.0]", "prefix": "commentary", "max_rejected": 0.0},
    )
