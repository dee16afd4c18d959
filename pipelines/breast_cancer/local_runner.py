"""Runs the pipeline here: `python -m pipelines.breast_cancer.local_runner`."""

import os

from absl import app, flags
from tfx.orchestration import metadata

from pipelines import lineage
from pipelines.breast_cancer import make_data, pipeline

FLAGS = flags.FLAGS
flags.DEFINE_string(
    "root", "runs/pipelines/breast_cancer", "Data, artifacts and metadata."
)
flags.DEFINE_integer("outer_steps", pipeline.OUTER_STEPS, "Of learning.")
flags.DEFINE_integer("student_steps", pipeline.STUDENT_STEPS, "Of training models.")


def main(_):
    """Makes the data, runs the pipeline and says what came of it."""
    root = os.path.abspath(FLAGS.root)
    data = os.path.join(root, "data")
    make_data.make_data(data)
    connection = metadata.sqlite_metadata_connection_config(
        os.path.join(root, "metadata.sqlite")
    )
    lineage.run(
        pipeline.create_pipeline(
            data,
            os.path.join(root, "serving"),
            pipeline_root=os.path.join(root, "artifacts"),
            metadata_connection_config=connection,
            outer_steps=FLAGS.outer_steps,
            student_steps=FLAGS.student_steps,
            beam_pipeline_args=["--direct_running_mode=in_memory"],
        ),
        connection,
    )


if __name__ == "__main__":
    app.run(main)
