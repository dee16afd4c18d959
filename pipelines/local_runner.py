"""Runs a pipeline here: `python -m pipelines.local_runner --pipeline=digits`."""

import os

from absl import app, flags
from tfx.orchestration import metadata

from pipelines import lineage
from pipelines.selection import PIPELINE, selected

FLAGS = flags.FLAGS
flags.DEFINE_string(
    "root", None, "Folder of data, artifacts, metadata. [runs/pipelines/PIPELINE]"
)
flags.DEFINE_integer("outer_steps", None, "Outer steps of learning.", lower_bound=1)
flags.DEFINE_integer("student_steps", None, "Training steps per model.", lower_bound=1)


def main(_):
    """Makes the data, runs the pipeline and reports the outcome."""
    root = os.path.abspath(FLAGS.root or f"runs/pipelines/{PIPELINE.value}")
    data = os.path.join(root, "data")
    selected("make_data").make_data(data)
    connection = metadata.sqlite_metadata_connection_config(
        os.path.join(root, "metadata.sqlite")
    )
    steps = {"outer_steps": FLAGS.outer_steps, "student_steps": FLAGS.student_steps}
    lineage.run(
        selected("pipeline").create_pipeline(
            data,
            os.path.join(root, "serving"),
            pipeline_root=os.path.join(root, "artifacts"),
            metadata_connection_config=connection,
            beam_pipeline_args=["--direct_running_mode=in_memory"],
            **{name: value for name, value in steps.items() if value},
        ),
        connection,
    )


if __name__ == "__main__":
    app.run(main)
