"""CommentaryAnnotator beside TFX's BulkInferrer: the same commentary and examples.

    python -m benchmarks.annotator

in an environment with TFX, writes digits as PNG and their weights at three points of
progress, with each component in a process of its own, in turn, and prints examples a
second and peak memory. The component's README has the results.
"""

import json
import os
import pathlib
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags

from benchmarks.harness import ask, megabytes

FLAGS = flags.FLAGS
flags.DEFINE_integer("examples", 100_000, "How many.")
flags.DEFINE_integer("repeats", 2, "Runs of each.")
flags.DEFINE_string("run", None, "Component to run here; for this program itself.")
flags.DEFINE_string("directory", None, "Where its inputs are.")

COMPONENTS = "annotator", "bulk_inferrer"


def make_inputs(directory):
    """Writes examples and an exported commentary."""
    import numpy as np
    import tensorflow as tf

    from tfcommentaries import ExampleWeighting, export_commentary
    from tfcommentaries.components.artifact import commentary_dir
    from tfcommentaries.datasets import load_digits
    from tfcommentaries.saving.example_reading import ExampleReading

    x, y = load_digits().train
    weighting = ExampleWeighting(num_classes=10, curriculum=True)
    weighting.teach(x[:2], y[:2], None, 0.0)
    reading = ExampleReading("image", "label", (8, 8, 1), num_classes=10)
    export_commentary(
        weighting, commentary_dir(str(directory / "commentary")), reading=reading
    )
    records = []
    for image, label in zip(x, y):
        png = tf.io.encode_png(np.round(255 * image).astype("uint8")).numpy()
        image = tf.train.Feature(bytes_list={"value": [png]})
        label = tf.train.Feature(int64_list={"value": [label]})
        features = tf.train.Features(feature={"image": image, "label": label})
        records.append(tf.train.Example(features=features).SerializeToString())
    split = directory / "examples" / "Split-train"
    split.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(split / "data.gz"), "GZIP") as writer:
        for i in range(FLAGS.examples):
            writer.write(records[i % len(records)])


def run(component, directory):
    """Runs one component and prints what it took, as JSON."""
    from tfx.components.bulk_inferrer.executor import Executor as BulkInferrer
    from tfx.dsl.components.base import base_beam_executor
    from tfx.types import artifact_utils, standard_artifacts

    from tfcommentaries.components import CommentaryArtifact
    from tfcommentaries.components.commentary_annotator.executor import Executor

    examples = standard_artifacts.Examples()
    examples.uri = str(directory / "examples")
    examples.split_names = artifact_utils.encode_split_names(["train"])
    outputs = [standard_artifacts.Examples() for _ in range(2)]
    temporary = tempfile.mkdtemp(dir=directory)
    for i, output in enumerate(outputs):
        output.uri = f"{temporary}/{i}"
    context = base_beam_executor.BaseBeamExecutor.Context(
        beam_pipeline_args=["--direct_running_mode=in_memory"],
        tmp_dir=f"{temporary}/tmp",
        unique_id="1",
    )
    imported = megabytes("VmHWM")
    begin = time.perf_counter()
    if component == "annotator":
        commentary = CommentaryArtifact()
        commentary.uri = str(directory / "commentary")
        Executor(context).Do(
            {"examples": [examples], "commentary": [commentary]},
            {"annotated_examples": [outputs[0]], "rejected_examples": [outputs[1]]},
            {
                "progress": "[0.0, 0.5, 1.0]",
                "prefix": "commentary",
                "max_rejected": 0.0,
            },
        )
    else:
        model = standard_artifacts.Model()
        model.uri = str(directory / "commentary")
        columns = [
            {"output_key": f"annotation_{p}", "output_column": f"commentary_{p}"}
            for p in (0, 50, 100)
        ]
        spec = {
            "signature_name": "serve_examples",
            "predict_output": {"output_columns": columns},
        }
        BulkInferrer(context).Do(
            {"examples": [examples], "model": [model]},
            {"output_examples": [outputs[0]]},
            {
                "data_spec": json.dumps({"example_splits": ["train"]}),
                "model_spec": json.dumps({"model_signature_name": ["serve_examples"]}),
                "output_example_spec": json.dumps({"output_columns_spec": [spec]}),
            },
        )
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "mb": [imported, megabytes("VmHWM")]}))


def main(_):
    """Measures both, in turn."""
    if FLAGS.run:
        run(FLAGS.run, pathlib.Path(FLAGS.directory))
        return
    with tempfile.TemporaryDirectory() as directory:
        make_inputs(pathlib.Path(directory))
        for _ in range(FLAGS.repeats):
            for component in COMPONENTS:
                row = ask(
                    sys.executable,
                    "annotator",
                    f"--run={component}",
                    f"--directory={directory}",
                    f"--examples={FLAGS.examples}",
                )
                imports, peak = row["mb"]
                print(
                    f"{component:<14}{FLAGS.examples / row['seconds']:>9.0f} examples "
                    f"a second, peak {peak:.0f} MB of which {imports:.0f} imports",
                    flush=True,
                )


if __name__ == "__main__":
    app.run(main)
