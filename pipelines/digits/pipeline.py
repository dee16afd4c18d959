"""The pipeline: learn a commentary, train with and without, compare, push."""

import os

from tensorflow_model_analysis.proto import config_pb2
from tfx.components import ImportExampleGen, SchemaGen, StatisticsGen, Trainer
from tfx.orchestration import pipeline
from tfx.proto import trainer_pb2

from pipelines.shared_parts import evaluate_and_push, input_config
from tfcommentaries.components import CommentaryGen, CommentaryTrainer

MODULE = os.path.join(os.path.dirname(__file__), "modules", "trainer", "trainer.py")
#: Where the code is, for workers that have this package installed.
INSTALLED_CODE = {"run_fn": "pipelines.digits.modules.trainer.trainer.run_fn"}
OUTER_STEPS = 100
STUDENT_STEPS = 300
#: Minimum accuracy of a blessed model, and minimum gain over the untaught one.
LEAST_OVERALL = 0.9, 0.0
LEAST_OF_A_DIGIT = 0.75, -0.1


def create_pipeline(
    data_root,
    serving_dir,
    pipeline_name="digits",
    pipeline_root=None,
    metadata_connection_config=None,
    outer_steps=OUTER_STEPS,
    student_steps=STUDENT_STEPS,
    run_fn=None,
    beam_pipeline_args=None,
    enable_cache=True,
):
    """Makes the pipeline.

    Args:
        data_root: directory with `train`, `validation` and `eval`, see `make_data`.
        serving_dir: where a blessed model is pushed to.
        pipeline_name: name of the pipeline.
        pipeline_root: where artifacts go.
        metadata_connection_config: for MLMD, if the runner does not provide it.
        outer_steps: outer steps of learning.
        student_steps: training steps of each of the two models.
        run_fn: import path of the trainers' `run_fn`, where the package is installed
            for the workers; `None` packages the module file.
        beam_pipeline_args: list of Beam flags.
        enable_cache: whether to skip components that have not changed.

    Returns:
        A TFX `Pipeline`.
    """
    examples = ImportExampleGen(input_base=data_root, input_config=input_config())
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema = SchemaGen(statistics=statistics.outputs["statistics"])
    commentary = CommentaryGen(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        custom_config={
            "features": "image",
            "image_shape": [8, 8, 1],
            "num_classes": 10,
            "commentary": "ExampleWeighting",
            "commentary_config": {"num_classes": 10},
            "student": "tfcommentaries.students.cbr",
            "student_learning_rate": 3e-3,
            "learner_config": {"inner_steps": 100},
        },
        train_args=trainer_pb2.TrainArgs(splits=["train"], num_steps=outer_steps),
        eval_args=trainer_pb2.EvalArgs(splits=["validation"]),
    )
    common = {
        "examples": examples.outputs["examples"],
        "schema": schema.outputs["schema"],
        **({"run_fn": run_fn} if run_fn else {"module_file": MODULE}),
        "train_args": trainer_pb2.TrainArgs(num_steps=student_steps),
        "eval_args": trainer_pb2.EvalArgs(),
    }
    taught = CommentaryTrainer(commentary=commentary.outputs["commentary"], **common)
    untaught = Trainer(**common).with_id("UntaughtTrainer")
    return pipeline.Pipeline(
        pipeline_name=pipeline_name,
        pipeline_root=pipeline_root,
        components=[
            examples,
            statistics,
            schema,
            commentary,
            taught,
            untaught,
            *evaluate_and_push(examples, taught, untaught, eval_config(), serving_dir),
        ],
        enable_cache=enable_cache,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=beam_pipeline_args or [],
    )


def eval_config():
    """Accuracy overall and of each digit: least values, and least gains."""
    accuracy = config_pb2.MetricConfig(
        class_name="SparseCategoricalAccuracy",
        per_slice_thresholds=[
            config_pb2.PerSliceMetricThreshold(
                slicing_specs=[slicing], threshold=_threshold(*least)
            )
            for slicing, least in (
                (config_pb2.SlicingSpec(), LEAST_OVERALL),
                (config_pb2.SlicingSpec(feature_keys=["label"]), LEAST_OF_A_DIGIT),
            )
        ],
    )
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(signature_name="serving_default", label_key="label")
        ],
        slicing_specs=[
            config_pb2.SlicingSpec(),
            config_pb2.SlicingSpec(feature_keys=["label"]),
        ],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=[config_pb2.MetricConfig(class_name="ExampleCount"), accuracy]
            )
        ],
    )


def _threshold(accuracy, gain):
    return config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(
            lower_bound={"value": accuracy}
        ),
        change_threshold=config_pb2.GenericChangeThreshold(
            direction=config_pb2.MetricDirection.HIGHER_IS_BETTER,
            absolute={"value": gain},
        ),
    )
