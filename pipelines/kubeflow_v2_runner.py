"""Compiles a pipeline for Kubeflow Pipelines.

See `python -m pipelines.kubeflow_v2_runner --help`. The image must hold
tfcommentaries and `pipelines`; see the Dockerfile.
"""

from absl import app, flags
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.components import Trainer
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

from pipelines.selection import PIPELINE, selected
from tfcommentaries.components import CommentaryGen, CommentaryTrainer

FLAGS = flags.FLAGS
flags.DEFINE_string("image", "tfcommentaries:latest", "Image of all components.")
flags.DEFINE_string("data_root", None, "Directory with the data, such as gs://...")
flags.DEFINE_string("pipeline_root", None, "Where artifacts go, such as gs://...")
flags.DEFINE_string("serving_dir", None, "Where blessed models go.")
flags.DEFINE_string("output", None, "File to write. [PIPELINE.json]")
flags.DEFINE_string(
    "accelerator",
    None,
    "Type of accelerator to request for learning and training, such as "
    "NVIDIA_TESLA_T4. The image must be built for it, see the Dockerfile.",
)
flags.DEFINE_multi_string(
    "beam_pipeline_args",
    ["--runner=DirectRunner", "--direct_running_mode=in_memory"],
    "A flag for Beam, such as --beam_pipeline_args=--runner=DataflowRunner; repeat it "
    "for more. By default each component runs Beam on its own machine.",
)
flags.DEFINE_integer(
    "accelerator_count", 1, "Accelerators for each component.", lower_bound=1
)

#: Components that train models.
TRAINING = CommentaryGen, CommentaryTrainer, Trainer


def ask_for_accelerators(pipeline, kind, count):
    """Makes the training components of a pipeline request accelerators.

    Args:
        pipeline: a TFX `Pipeline`.
        kind: name of the type of accelerator, as the cluster knows it.
        count: how many for each component.
    """
    container = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec
    resources = container.ResourceSpec(
        accelerator=container.ResourceSpec.AcceleratorConfig(type=kind, count=count)
    )
    for component in pipeline.components:
        if isinstance(component, TRAINING):
            component.with_platform_config(resources)


def main(_):
    """Writes the compiled pipeline."""
    definition = selected("pipeline")
    pipeline = definition.create_pipeline(
        FLAGS.data_root,
        FLAGS.serving_dir,
        pipeline_root=FLAGS.pipeline_root,
        beam_pipeline_args=FLAGS.beam_pipeline_args,
        **definition.INSTALLED_CODE,
    )
    if FLAGS.accelerator:
        ask_for_accelerators(pipeline, FLAGS.accelerator, FLAGS.accelerator_count)
    config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(default_image=FLAGS.image)
    output = FLAGS.output or f"{PIPELINE.value}.json"
    kubeflow_v2_dag_runner.KubeflowV2DagRunner(config, None, output).run(pipeline)


if __name__ == "__main__":
    flags.mark_flags_as_required(["data_root", "pipeline_root", "serving_dir"])
    app.run(main)
