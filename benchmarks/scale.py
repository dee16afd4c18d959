"""How memory and time grow with examples, sources, steps and students.

    python -m benchmarks.scale [--quick] [--only=arrays,table]

Every case runs in a process of its own and prints its rows: peak memory beyond what the
process held before, in MB, and seconds. The cases of CommentaryGen need an environment
with TFX and are left out without. `RESULTS.md` has the results.
"""

import ctypes
import gc
import json
import os
import resource
import sys
import tempfile
import time
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags

from benchmarks import scale_forecast, scale_workers
from benchmarks.harness import ask, forget_peak, megabytes
from benchmarks.small_student import small_student
from benchmarks.tf_examples import png_example, write

FLAGS = flags.FLAGS
flags.DEFINE_bool("quick", False, "Small sizes, to see that it runs.")
flags.DEFINE_list("only", None, "Cases to measure; all by default.")
flags.DEFINE_integer("size", None, "Its size.")
flags.DEFINE_string("case", None, "Case to run here; for this program itself.")


def measured(function):
    """`{"mb", "s", "cpu_s"}`: peak beyond what is held now, seconds, those of CPUs."""
    gc.collect()
    # What was freed, but is still the process's, would hide as much of the peak.
    ctypes.CDLL(None).malloc_trim(0)
    before, used = megabytes("VmRSS"), resource.getrusage(resource.RUSAGE_SELF)
    forget_peak()
    begin = time.perf_counter()
    function()
    seconds = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    found = {"mb": megabytes("VmHWM") - before, "s": seconds, "cpu_s": cpu}
    return {name: round(value, 1) for name, value in found.items()}


def vectors(number, size=30):
    """`(x, y)`: random vectors in three classes."""
    import numpy as np

    x = np.random.default_rng(0).random((number, size), dtype="float32")
    return x, np.arange(number) % 3


def learner(inner_steps=10, students=1, size=30):
    """A learner of example weights with a small student."""
    from tfcommentaries import CommentaryLearner, ExampleWeighting

    return CommentaryLearner(
        ExampleWeighting(),
        small_student((size,)),
        inner_steps=inner_steps,
        students_per_step=students,
    )


def arrays():
    """Peak memory of what takes arrays, in shares of these, which are held already."""
    from tfcommentaries import (
        CommentaryCallback,
        ExampleWeighting,
        LearnCommentaryCallback,
    )

    checked = vectors(600)

    def learn(x, y):
        learner().fit((x, y), checked, steps_per_epoch=3, verbose=0)

    def keras_fit(x, y, callbacks=()):
        model = small_student()
        model.fit(x, y, batch_size=8192, verbose=0, callbacks=list(callbacks))

    def teach(x, y):
        weighting = ExampleWeighting()
        weighting(x[:2])
        keras_fit(x, y, [CommentaryCallback(weighting)])

    def learn_inside(x, y):
        weighting = ExampleWeighting()
        learning = LearnCommentaryCallback(weighting, (x, y), warmup=1)
        small_student().fit(*checked, verbose=0, callbacks=[learning])

    x, y = vectors(200_000 if FLAGS.quick else 5_000_000)
    rows = {}
    for name, run in (
        ("CommentaryLearner.fit", learn),
        ("LearnCommentaryCallback", learn_inside),
        ("Keras's fit", keras_fit),
        ("with CommentaryCallback", teach),
    ):
        run(*checked)
        for fit in 1, 2:
            found = measured(lambda run=run: run(x, y))
            found["share"] = round(found["mb"] / (x.nbytes / 2**20), 2)
            rows[f"{name}, fit {fit}"] = found
    return {f"{x.nbytes / 2**20:.0f} MB of arrays": {}, **rows}


def outer_steps(row):
    """Memory and time by the steps `T` and students `S` of an outer step."""
    import tensorflow as tf

    kind, steps, students = OUTER_STEPS[row]
    size = 200 if FLAGS.quick else 8000
    x, y = vectors(20_000, size)
    checked = x[:64], y[:64]
    learner(size=size).fit((x[:256], y[:256]), checked, steps_per_epoch=1, verbose=0)
    made, data = learner(steps, students, size), (x, y)
    if kind == "data set":
        image = tf.io.encode_png(tf.cast(x[:256, :, None] * 32, tf.uint8))

        def decoded(places):
            # Looked up, as TensorFlow would decode a constant only once.
            x = tf.io.decode_png(tf.gather([image], places[0] % 1), 1)
            return tf.reshape(x, [256, size]) / 32, places % 3

        data = tf.data.Dataset.range(20_000).batch(256, drop_remainder=True)
        data = data.map(decoded)

    def fit():
        made.fit(data, checked, batch_size=256, steps_per_epoch=4, verbose=0)

    held = steps * students * 256 * size * 4 / 2**20
    found = measured(fit)
    found["held"] = round(found["mb"] / held, 2)
    return {f"{kind}, T = {steps}, S = {students}: {held:.0f} MB a step": found}


def resuming():
    """Seconds to the first outer step at the start, and after 1,000 of them."""
    import tensorflow as tf

    from tfcommentaries import ExampleWeighting
    from tfcommentaries.learning.outer_batches import endless, outer_batches

    x, y = vectors(100_000)
    rows = {}
    for kind in "arrays", "data set":
        data = x, y
        if kind == "data set":
            data = tf.data.Dataset.from_tensor_slices(data).shuffle(1000, 0).batch(32)
        batches, _ = endless(data, ExampleWeighting(), "training", 32)
        for start in 0, 100 if FLAGS.quick else 1000:
            steps = outer_batches(batches, batches, 10, 1, start)
            rows[f"{kind}, from step {start}"] = measured(
                lambda steps=steps: next(iter(steps))
            )
    return rows


def table():
    """Reading compressed tf.Examples of 30 numbers, a label and a source."""
    import tensorflow as tf

    from tfcommentaries.datasets import load_file

    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in (1000,) if FLAGS.quick else (1000, 100_000):
            path = os.path.join(folder, f"{number}-00000-of-00001.gz")
            write(path, number, examples_of_vectors(number, 10))
            tf.get_logger().setLevel("ERROR")
            rows[f"{number} examples, {os.path.getsize(path) / 1e6:.1f} MB"] = measured(
                lambda path=path: load_file(path, columns=["source"])
            )
    return rows


def examples_of_vectors(number, many, size=30):
    """A function to the i-th of examples of numbers, a label and a source."""
    x, y = vectors(number, size)

    def example(i):
        numbers = {f"x{j}": [value] for j, value in enumerate(x[i].tolist())}
        return {**numbers, "label": [int(y[i])], "source": [b"s%d" % (i % many)]}

    return example


def forecast():
    """An outer step by the number of sources, foretold and made."""
    sizes = (20_000, 200, 1) if FLAGS.quick else (1_000_000, 100_000, 20)
    row = scale_forecast.measure(*sizes)
    return {f"{row.pop('examples')} examples, {row.pop('sources')} sources": row}


def workers(processes):
    """Seconds of an outer step of eight students, by processes with a core each."""
    row = scale_workers.measure(processes, 2 if FLAGS.quick else 40)
    return {f"{processes} processes": row}


def images(number):
    """CommentaryGen on PNGs of 224 x 224 x 3, ten student steps."""
    example = png_example()
    recipe = {
        "features": "image",
        "image_shape": [224, 224, 3],
        "num_classes": 3,
        "commentary": "GroupWeighting",
        "groups": "source",
        "student": "benchmarks.small_student.small_student",
        "learner_config": {"inner_steps": 10},
    }
    with tempfile.TemporaryDirectory() as folder:
        for split, count in ("train", number), ("eval", 300):
            write(f"{folder}/examples/Split-{split}/data.gz", count, example)
        size = os.path.getsize(f"{folder}/examples/Split-train/data.gz") / 1e6
        found = measured(lambda: comment(folder, recipe, example(0), 1))
    found["whole_mb"] = round(megabytes("VmHWM"))
    return {f"{number} images, {size:.0f} MB": found}


def sources(many):
    """CommentaryGen by the number of sources: time, and the size of the report."""
    number = SIZES["sources"][FLAGS.quick][-1]
    recipe = {
        "features": [f"x{i}" for i in range(4)],
        "num_classes": 3,
        "commentary": "GroupWeighting",
        "groups": "source",
        "student": "benchmarks.small_student.small_student",
        "learner_config": {"inner_steps": 10},
    }
    example = examples_of_vectors(number, many, 4)
    with tempfile.TemporaryDirectory() as folder:
        for split, count in ("train", number), ("eval", 300):
            write(f"{folder}/examples/Split-{split}/data.gz", count, example)
        found = measured(lambda: comment(folder, recipe, example(0), 50))
        found["report_kb"] = os.path.getsize(f"{folder}/commentary/report.html") // 1024
    return {f"{many} sources, {number} examples": found}


def comment(folder, recipe, example, steps):
    """Runs CommentaryGen on the examples in a folder, which are like one."""
    from tensorflow_metadata.proto.v0 import schema_pb2
    from tfx.types import artifact_utils, standard_artifacts
    from tfx.utils import io_utils

    from tfcommentaries.components import CommentaryArtifact
    from tfcommentaries.components.commentary_gen.executor import Executor

    wanted = schema_pb2.Schema()
    kinds = {bytes: "BYTES", int: "INT", float: "FLOAT"}
    for name, (value,) in example.items():
        kind = getattr(schema_pb2, kinds[type(value)])
        feature = wanted.feature.add(name=name, type=kind)
        feature.shape.dim.add(size=1)
    artifacts = {
        "examples": standard_artifacts.Examples,
        "schema": standard_artifacts.Schema,
        "commentary": CommentaryArtifact,
        "commentary_run": standard_artifacts.ModelRun,
        "model": standard_artifacts.Model,
    }
    artifacts = {name: kind() for name, kind in artifacts.items()}
    for name, artifact in artifacts.items():
        artifact.uri = f"{folder}/{name}"
    names = artifact_utils.encode_split_names(["train", "eval"])
    artifacts["examples"].split_names = names
    io_utils.write_pbtxt_file(f"{folder}/schema/schema.pbtxt", wanted)
    inputs = "examples", "schema"
    Executor().Do(
        {name: [artifacts[name]] for name in inputs},
        {name: [a] for name, a in artifacts.items() if name not in inputs},
        {
            "train_args": json.dumps({"num_steps": steps}),
            "eval_args": "{}",
            "custom_config": json.dumps(recipe),
        },
    )


CASES = {
    case.__name__: case
    for case in (
        arrays,
        outer_steps,
        resuming,
        table,
        forecast,
        workers,
        images,
        sources,
    )
}
OUTER_STEPS = [
    (kind, steps, students)
    for kind in ("arrays", "data set")
    for steps, students in ((20, 1), (80, 1), (20, 4))
]
#: Cases that are measured with several sizes, each in a process; then quick ones.
SIZES = {
    "outer_steps": [range(len(OUTER_STEPS))] * 2,
    "workers": [(1, 2)] * 2,
    "images": [(1000, 10_000), (50,)],
    "sources": [(10, 100_000), (10, 500)],
}
NEED_TFX = "images", "sources"


def main(_):
    """Measures all cases."""
    if FLAGS.case:
        warnings.simplefilter("ignore")  # Small students learn nothing.
        sizes = [] if FLAGS.size is None else [FLAGS.size]
        print(json.dumps(CASES[FLAGS.case](*sizes)))
        return
    for case in FLAGS.only or CASES:
        if case in NEED_TFX:
            try:
                import tfx  # noqa: F401
            except ImportError:
                print(f"{case}: left out, TFX is not installed here")
                continue
        print(CASES[case].__doc__)
        of_case = [f"--case={case}", f"--quick={FLAGS.quick}"]
        sizes = (
            [f"--size={n}" for n in SIZES[case][FLAGS.quick]] if case in SIZES else [""]
        )
        for size in sizes:
            rows = ask(sys.executable, "scale", *of_case, *filter(None, [size]))
            for name, row in rows.items():
                cells = [f"{key} {value!s:<9}" for key, value in row.items()]
                print(f"  {name:<48}", *cells, flush=True)


if __name__ == "__main__":
    app.run(main)
