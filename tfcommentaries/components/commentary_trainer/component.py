"""The CommentaryTrainer component."""

from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.components.util import udf_utils
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from tfcommentaries.components.artifact import CommentaryArtifact
from tfcommentaries.components.commentary_trainer import executor

KEYS = standard_component_specs


class CommentaryTrainerSpec(types.ComponentSpec):
    """Trainer's specification with one more input."""

    PARAMETERS = KEYS.TrainerSpec.PARAMETERS
    INPUTS = {
        **KEYS.TrainerSpec.INPUTS,
        executor.COMMENTARY_KEY: component_spec.ChannelParameter(
            type=CommentaryArtifact, optional=True
        ),
    }
    OUTPUTS = KEYS.TrainerSpec.OUTPUTS


class CommentaryTrainer(base_component.BaseComponent):
    """TFX's Trainer with one more input, `commentary`.

    `run_fn` is one for Trainer. It passes `fn_args.custom_config["commentary"]`, the
    path of the commentary or `None`, to `tfcommentaries.CommentaryCallback`.

    Example:

    >>> trainer = CommentaryTrainer(
    ...     module_file="trainer_module.py",
    ...     examples=example_gen.outputs["examples"],
    ...     schema=schema_gen.outputs["schema"],
    ...     commentary=commentary_gen.outputs["commentary"],
    ...     train_args=trainer_pb2.TrainArgs(num_steps=1000),
    ... )

    Component `outputs` contains:

     - `model`: Channel of type `standard_artifacts.Model`.
     - `model_run`: Channel of type `standard_artifacts.ModelRun`.

    Args:
        examples: channel of `standard_artifacts.Examples`.
        commentary: channel of `CommentaryArtifact`, or `None` to train without.
        transform_graph: channel of `standard_artifacts.TransformGraph`.
        schema: channel of `standard_artifacts.Schema`.
        base_model: channel of `standard_artifacts.Model`.
        hyperparameters: channel of `standard_artifacts.HyperParameters`.
        module_file: path of a Python file with `run_fn(fn_args)`.
        run_fn: import path of such a function, instead.
        train_args: `trainer_pb2.TrainArgs`.
        eval_args: `trainer_pb2.EvalArgs`.
        custom_config: dict that JSON can hold, for `run_fn`.

    Raises:
        ValueError: unless exactly one of `module_file` and `run_fn` is given.
    """

    SPEC_CLASS = CommentaryTrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        commentary: types.BaseChannel | None = None,
        transform_graph: types.BaseChannel | None = None,
        schema: types.BaseChannel | None = None,
        base_model: types.BaseChannel | None = None,
        hyperparameters: types.BaseChannel | None = None,
        module_file: str | None = None,
        run_fn: str | None = None,
        train_args: trainer_pb2.TrainArgs | None = None,
        eval_args: trainer_pb2.EvalArgs | None = None,
        custom_config: Mapping[str, Any] | None = None,
    ) -> None:
        if (module_file is None) == (run_fn is None):
            raise ValueError(
                "CommentaryTrainer needs exactly one of `module_file` and `run_fn`. "
                f"Received: module_file={module_file!r}, run_fn={run_fn!r}"
            )
        if executor.COMMENTARY_KEY in (custom_config or {}):
            raise ValueError(
                "`custom_config['commentary']` is where run_fn finds the commentary's "
                "path. Use another key."
            )
        spec = CommentaryTrainerSpec(
            examples=examples,
            commentary=commentary,
            transform_graph=transform_graph,
            schema=schema,
            base_model=base_model,
            hyperparameters=hyperparameters,
            module_file=module_file,
            run_fn=run_fn,
            train_args=train_args or trainer_pb2.TrainArgs(),
            eval_args=eval_args or trainer_pb2.EvalArgs(),
            custom_config=json_utils.dumps(custom_config),
            model=types.Channel(type=standard_artifacts.Model),
            model_run=types.Channel(type=standard_artifacts.ModelRun),
        )
        super().__init__(spec=spec)
        if module_file is not None and udf_utils.should_package_user_modules():
            udf_utils.add_user_module_dependency(
                self, KEYS.MODULE_FILE_KEY, KEYS.MODULE_PATH_KEY
            )
