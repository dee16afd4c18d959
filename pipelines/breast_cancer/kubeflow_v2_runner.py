"""Compiles the pipeline for Kubeflow.

`python -m pipelines.breast_cancer.kubeflow_v2_runner --help` tells how. The
image must hold tfcommentaries and `pipelines`; see the Dockerfile.
"""

from absl import app, flags
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

from pipelines.breast_cancer import pipeline

FLAGS = flags.FLAGS
flags.DEFINE_string("image", "tfcommentaries:latest", "Image of all components.")
flags.DEFINE_string("data_root", None, "Directory with the data, such as gs://...")
flags.DEFINE_string("pipeline_root", None, "Where artifacts go, such as gs://...")
flags.DEFINE_string("serving_dir", None, "Where blessed models go.")
flags.DEFINE_string("output", "breast_cancer.json", "File to write.")


def main(_):
    """Writes the compiled pipeline."""
    config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(default_image=FLAGS.image)
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(config, None, FLAGS.output)
    runner.run(
        pipeline.create_pipeline(
            FLAGS.data_root,
            FLAGS.serving_dir,
            pipeline_root=FLAGS.pipeline_root,
            run_fn="pipelines.breast_cancer.modules.trainer.trainer.run_fn",
            preprocessing_fn=(
                "pipelines.breast_cancer.modules.transform.transform.preprocessing_fn"
            ),
        )
    )


if __name__ == "__main__":
    flags.mark_flags_as_required(["data_root", "pipeline_root", "serving_dir"])
    app.run(main)
