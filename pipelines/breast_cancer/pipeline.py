"""The pipeline: learn weights, write them beside the examples, train as usual."""

import os

from tensorflow_model_analysis.proto import config_pb2
from tfx.components import (
    CsvExampleGen,
    SchemaGen,
    StatisticsGen,
    Trainer,
    Transform,
)
from tfx.orchestration import pipeline
from tfx.proto import trainer_pb2, transform_pb2

from pipelines.breast_cancer.make_data import FEATURES, LABEL
from pipelines.shared_parts import SPLITS, evaluate_and_push, input_config
from tfcommentaries.components import CommentaryAnnotator, CommentaryGen

MODULES = os.path.join(os.path.dirname(__file__), "modules")
_PACKAGE = "pipelines.breast_cancer.modules"
#: Where the code is, for workers that have this package installed.
INSTALLED_CODE = {
    "run_fn": f"{_PACKAGE}.trainer.trainer.run_fn",
    "preprocessing_fn": f"{_PACKAGE}.transform.transform.preprocessing_fn",
}
OUTER_STEPS = 100
STUDENT_STEPS = 200


def create_pipeline(
    data_root,
    serving_dir,
    pipeline_name="breast-cancer",
    pipeline_root=None,
    metadata_connection_config=None,
    outer_steps=OUTER_STEPS,
    student_steps=STUDENT_STEPS,
    run_fn=None,
    preprocessing_fn=None,
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
        preprocessing_fn: likewise of Transform's.
        beam_pipeline_args: list of Beam flags.
        enable_cache: whether to skip components that have not changed.

    Returns:
        A TFX `Pipeline`.
    """
    examples = CsvExampleGen(input_base=data_root, input_config=input_config())
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema = SchemaGen(statistics=statistics.outputs["statistics"])
    transform = Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        splits_config=transform_pb2.SplitsConfig(analyze=["train"], transform=SPLITS),
        **_code("preprocessing_fn", preprocessing_fn, "transform"),
    )
    commentary = CommentaryGen(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        custom_config={
            "features": FEATURES,
            "label": LABEL,
            "num_classes": 2,
            "commentary": "ExampleWeighting",
            "commentary_config": {"num_classes": 2},
            "student": "tfcommentaries.students.mlp",
            "learner_config": {"inner_steps": 50},
            "validation_batch_size": 80,
        },
        train_args=trainer_pb2.TrainArgs(splits=["train"], num_steps=outer_steps),
        eval_args=trainer_pb2.EvalArgs(splits=["validation"]),
    )
    annotator = CommentaryAnnotator(
        examples=transform.outputs["transformed_examples"],
        commentary=commentary.outputs["commentary"],
        splits=["train", "eval"],
    )
    common = {
        "examples": annotator.outputs["annotated_examples"],
        "transform_graph": transform.outputs["transform_graph"],
        "train_args": trainer_pb2.TrainArgs(num_steps=student_steps),
        "eval_args": trainer_pb2.EvalArgs(),
        **_code("run_fn", run_fn, "trainer"),
    }
    taught = Trainer(**common, custom_config={"weighted": True})
    untaught = Trainer(**common, custom_config={"weighted": False})
    untaught = untaught.with_id("UntaughtTrainer")
    return pipeline.Pipeline(
        pipeline_name=pipeline_name,
        pipeline_root=pipeline_root,
        components=[
            examples,
            statistics,
            schema,
            transform,
            commentary,
            annotator,
            taught,
            untaught,
            *evaluate_and_push(examples, taught, untaught, eval_config(), serving_dir),
        ],
        enable_cache=enable_cache,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=beam_pipeline_args or [],
    )


def _code(name, path, module):
    """User code: an import path, or a file that TFX packages."""
    if path:
        return {name: path}
    return {"module_file": os.path.join(MODULES, module, f"{module}.py")}


def eval_config():
    """Accuracy, which must not be lower with the commentary."""
    threshold = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(lower_bound={"value": 0.8}),
        change_threshold=config_pb2.GenericChangeThreshold(
            direction=config_pb2.MetricDirection.HIGHER_IS_BETTER,
            absolute={"value": 0.0},
        ),
    )
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(signature_name="serving_default", label_key=LABEL)
        ],
        slicing_specs=[config_pb2.SlicingSpec()],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=[
                    config_pb2.MetricConfig(class_name="ExampleCount"),
                    config_pb2.MetricConfig(
                        class_name="SparseCategoricalAccuracy", threshold=threshold
                    ),
                ]
            )
        ],
    )
