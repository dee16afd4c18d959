"""Runs CommentaryGen's executor on examples, to be killed by a test.

Arguments: directory of the artifacts, recipe.
"""

import json
import sys

from tfx.types import artifact_utils, standard_artifacts

from tfcommentaries.components import CommentaryArtifact
from tfcommentaries.components.commentary_gen.executor import Executor

directory, recipe = sys.argv[1:]
examples, schema = standard_artifacts.Examples(), standard_artifacts.Schema()
examples.uri, schema.uri = f"{directory}/examples", f"{directory}/schema"
examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
commentary, run = CommentaryArtifact(), standard_artifacts.ModelRun()
commentary.uri = f"{directory}/commentary/1"
run.uri = f"{directory}/run/1"
model = standard_artifacts.Model()
model.uri = f"{directory}/model/1"
Executor().Do(
    {"examples": [examples], "schema": [schema]},
    {"commentary": [commentary], "commentary_run": [run], "model": [model]},
    {
        "train_args": json.dumps({"num_steps": 30}),
        "eval_args": "{}",
        "custom_config": recipe,
    },
)
