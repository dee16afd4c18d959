"""The CommentaryGen component."""

from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.components.util import udf_utils
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from tfcommentaries.components.artifact import CommentaryArtifact
from tfcommentaries.components.commentary_gen import executor
from tfcommentaries.components.commentary_gen.recipe import recipe_of

KEYS = standard_component_specs


class CommentaryGenSpec(types.ComponentSpec):
    """Inputs, outputs and parameters of `CommentaryGen`."""

    PARAMETERS = {
        KEYS.TRAIN_ARGS_KEY: component_spec.ExecutionParameter(
            type=trainer_pb2.TrainArgs
        ),
        KEYS.EVAL_ARGS_KEY: component_spec.ExecutionParameter(
            type=trainer_pb2.EvalArgs
        ),
        KEYS.MODULE_FILE_KEY: component_spec.ExecutionParameter(
            type=str, optional=True
        ),
        KEYS.MODULE_PATH_KEY: component_spec.ExecutionParameter(
            type=str, optional=True
        ),
        KEYS.CUSTOM_CONFIG_KEY: component_spec.ExecutionParameter(
            type=str, optional=True
        ),
    }
    INPUTS = {
        KEYS.EXAMPLES_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Examples
        ),
        KEYS.TRANSFORM_GRAPH_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.TransformGraph, optional=True
        ),
        KEYS.SCHEMA_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Schema, optional=True
        ),
        executor.BASE_COMMENTARY_KEY: component_spec.ChannelParameter(
            type=CommentaryArtifact, optional=True
        ),
        KEYS.HYPERPARAMETERS_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.HyperParameters, optional=True
        ),
    }
    OUTPUTS = {
        executor.COMMENTARY_KEY: component_spec.ChannelParameter(
            type=CommentaryArtifact
        ),
        executor.MODEL_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.Model
        ),
        executor.COMMENTARY_RUN_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.ModelRun
        ),
    }


class CommentaryGen(base_component.BaseComponent):
    """Learns a commentary from examples.

    Example:

    >>> commentary_gen = CommentaryGen(
    ...     examples=example_gen.outputs["examples"],
    ...     schema=schema_gen.outputs["schema"],
    ...     custom_config={
    ...         "features": "image", "image_shape": [8, 8, 1], "num_classes": 10,
    ...         "commentary": "ExampleWeighting",
    ...         "student": "tfcommentaries.students.cbr",
    ...     },
    ...     train_args=trainer_pb2.TrainArgs(splits=["train"], num_steps=100),
    ...     eval_args=trainer_pb2.EvalArgs(splits=["validation"]),
    ... )

    Component `outputs` contains:

     - `commentary`: Channel of type `CommentaryArtifact`, for `CommentaryTrainer` and
       `CommentaryAnnotator`.
     - `model`: Channel of type `standard_artifacts.Model`, the same SavedModel for
       TFX's own components: `BulkInferrer`, `Pusher`, `InfraValidator` and
       `Trainer(base_model=...)` take no other type.
     - `commentary_run`: Channel of type `standard_artifacts.ModelRun`, logs for
       TensorBoard.

    Args:
        examples: channel of `standard_artifacts.Examples`, raw or transformed. If there
            are several artifacts, such as spans, all are read.
        transform_graph: channel of `standard_artifacts.TransformGraph`, if examples
            are transformed.
        schema: channel of `standard_artifacts.Schema`. A recipe needs it or a
            transform graph.
        base_commentary: channel of `CommentaryArtifact` to continue from, the newest
            if there are several.
        hyperparameters: channel of `standard_artifacts.HyperParameters`. Those whose
            names begin with `commentary/`, such as
            `commentary/learner_config/inner_steps`, replace values of the recipe.
        module_file: path of a Python file with `run_fn(fn_args)`, `fn_args` being a
            `CommentaryFnArgs`. `None` follows the recipe in `custom_config`.
        custom_config: dict that JSON can hold; without a module, a recipe with the keys
            of `PipelineRecipe`.
        train_args: `trainer_pb2.TrainArgs`: splits that students train on, and the
            number of outer steps. Default: split `train`, 100 steps.
        eval_args: `trainer_pb2.EvalArgs`: splits for the outer loss, which must be
            clean and not test data. Default: split `eval`.

    Raises:
        ValueError: if there is neither a module nor a complete recipe.
    """

    SPEC_CLASS = CommentaryGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        transform_graph: types.BaseChannel | None = None,
        schema: types.BaseChannel | None = None,
        base_commentary: types.BaseChannel | None = None,
        hyperparameters: types.BaseChannel | None = None,
        module_file: str | None = None,
        custom_config: Mapping[str, Any] | None = None,
        train_args: trainer_pb2.TrainArgs | None = None,
        eval_args: trainer_pb2.EvalArgs | None = None,
    ) -> None:
        if module_file is None:
            recipe_of(custom_config or {})
            if transform_graph is None and schema is None:
                raise ValueError(
                    "A CommentaryGen without a module reads examples by their schema: "
                    "connect `schema` or `transform_graph`."
                )
        spec = CommentaryGenSpec(
            examples=examples,
            transform_graph=transform_graph,
            schema=schema,
            base_commentary=base_commentary,
            hyperparameters=hyperparameters,
            module_file=module_file,
            train_args=train_args or trainer_pb2.TrainArgs(),
            eval_args=eval_args or trainer_pb2.EvalArgs(),
            custom_config=json_utils.dumps(custom_config),
            commentary=types.Channel(type=CommentaryArtifact),
            model=types.Channel(type=standard_artifacts.Model),
            commentary_run=types.Channel(type=standard_artifacts.ModelRun),
        )
        super().__init__(spec=spec)
        if module_file is not None and udf_utils.should_package_user_modules():
            udf_utils.add_user_module_dependency(
                self, KEYS.MODULE_FILE_KEY, KEYS.MODULE_PATH_KEY
            )
