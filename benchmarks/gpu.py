"""Hypergradients on a GPU: what they cost, in memory too, and whether they are right.

    python -m benchmarks.gpu

goes through students, estimators, precisions and XLA, as far as the minutes reach,
prints a row for each and saves all in `benchmarks/gpu.json`. It runs on a CPU, too, and
shows less there; `--quick` is a few steps of each.
"""

import functools
import itertools
import time

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks import problem as numbers
from benchmarks.engines.tensorflow_engine import Case, make_commentary, make_student
from benchmarks.harness import save, show, timed
from tfcommentaries import ImplicitTraining, UnrolledTraining

SCALE = 256.0
#: How far a hypergradient may be from the CPU's in float32, of its norm. XLA has second
#: derivatives of max-pools in bfloat16 (docs/gpu.md); all else is 1e-5.
TOLERANCE = 3e-2

FLAGS = flags.FLAGS


def define_flags():
    """Defines the flags of the command line."""
    flags.DEFINE_list("students", list(STUDENTS), "Which to measure.")
    flags.DEFINE_float("minutes", 5.0, "Begin nothing new after so many.")
    flags.DEFINE_integer("repeats", 5, "Timed runs of each row.")
    flags.DEFINE_bool("quick", False, "Two steps of four examples, one repeat.")
    flags.DEFINE_string("output", "gpu.json", "File to write, beside this one.")


#: Name: T and batch; the students of `benchmarks.problem`.
STUDENTS = {
    "mlp": (100, 32),
    "transformer": (50, 16),
    "cbr": (100, 64),
    "resnet18": (10, 64),
}
ESTIMATORS = {"unrolled": UnrolledTraining, "implicit": ImplicitTraining}
#: What the student computes in. "float32" is float32: TensorFlow's default on a GPU is
#: "tensorfloat32", float32 whose products are of numbers with 10 bits.
POLICIES = "float32", "mixed_bfloat16", "tensorfloat32", "mixed_float16"


def make_case(student, estimator, policy, xla, quick=False):
    """Makes one student with one estimator.

    Args:
        student: key of `STUDENTS`.
        estimator: key of `ESTIMATORS`.
        policy: one of `POLICIES`, the student's.
        xla: whether XLA compiles.
        quick: whether it is small.
    """
    problem = numbers.make(*((2, 4) if quick else STUDENTS[student]), student)
    keras.utils.set_random_seed(0)
    in_tf32 = policy == "tensorfloat32"
    tf.config.experimental.enable_tensor_float_32_execution(in_tf32)
    keras.config.set_dtype_policy("float32" if in_tf32 else policy)
    try:
        model = make_student(problem)
    finally:
        keras.config.set_dtype_policy("float32")
    # Not Adam, whose steps divide by small numbers: other roundings, other steps.
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
    if policy == "mixed_float16":
        # Where the scale of the default would come to after some steps.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, SCALE)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(True))
    training = ESTIMATORS[estimator]()
    commentary = make_commentary(problem)
    return Case(model, commentary, problem, training, UnrolledTraining(), xla)


def vector(tensors):
    """All numbers of some tensors."""
    return np.concatenate([np.ravel(t) for t in tensors])


@functools.cache
def on_cpu(student, estimator, quick):
    """The hypergradient, computed on the CPU in float32, without XLA."""
    with tf.device("CPU:0"):
        case = make_case(student, estimator, "float32", False, quick)
        return vector(case.hypergradient())


def measure(student, estimator, policy, xla, device, repeats, quick):
    """One row."""
    with tf.device(device):
        case = make_case(student, estimator, policy, xla, quick)
        _, plain = timed(lambda: vector(case.plain()), repeats)
        on_gpu = "GPU" in device
        if on_gpu:
            tf.config.experimental.reset_memory_stats(device)
        first, seconds = timed(lambda: vector(case.hypergradient()), repeats)
        memory = on_gpu and tf.config.experimental.get_memory_info(device)["peak"]
        found = vector(case.hypergradient())
    expected = on_cpu(student, estimator, quick)
    difference = float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
    return {
        "student": student,
        "estimator": estimator,
        "policy": policy,
        "xla": xla,
        "steps": case.batches[0].shape[0],
        "batch": case.batches[0].shape[1],
        "plain_seconds": plain,
        "seconds": seconds,
        "ratio_to_plain": seconds / plain,
        "first_seconds": first,
        "peak_mb": memory / 2**20 if on_gpu else None,
        "difference_from_cpu": difference,
        "finite": bool(np.isfinite(found).all()),
    }


def show_row(row):
    """Prints a row."""
    memory = "" if row["peak_mb"] is None else f" {row['peak_mb']:>6.0f} MB"
    difference = row["difference_from_cpu"]
    agrees = f", {difference:.0e} from the CPU"
    exact = row["policy"] == "float32"
    if not row["finite"] or (exact and difference > TOLERANCE):
        agrees += "  <-- WRONG"
    labels = row["student"], row["estimator"], row["policy"], "XLA" * row["xla"]
    show(labels, row, memory + agrees)


def main(_):
    """Measures, prints and saves."""
    tf.get_logger().setLevel("ERROR")  # It warns that each case is traced anew.
    gpus = tf.config.list_logical_devices("GPU")
    device = gpus[0].name if gpus else tf.config.list_logical_devices("CPU")[0].name
    print(f"On {device}. PyTorch and JAX: `python -m benchmarks.hypergradients`.")
    repeats = 1 if FLAGS.quick else FLAGS.repeats
    begin = time.monotonic()
    rows = []
    # The most telling first.
    for policy, xla, estimator, student in itertools.product(
        POLICIES, (False, True), ESTIMATORS, FLAGS.students
    ):
        if time.monotonic() - begin > 60 * FLAGS.minutes:
            print(f"{FLAGS.minutes} minutes are over: the rest is left out.")
            break
        rows.append(
            measure(student, estimator, policy, xla, device, repeats, FLAGS.quick)
        )
        show_row(rows[-1])
        found = {"device": device, "tensorflow": tf.__version__, "rows": rows}
        save(FLAGS.output, found)
    print(f"Written: benchmarks/{FLAGS.output}")


if __name__ == "__main__":
    define_flags()
    app.run(main)
