"""Hypergradients on a GPU: what they cost, in memory too, and whether they are right.

    python -m benchmarks.gpu

goes through students, estimators, precisions and XLA, as far as the minutes reach,
prints a row for each and saves all in `benchmarks/gpu.json`. It runs on a CPU, too, and
shows less there; `--quick` is a few steps of each.
"""

import functools
import itertools
import os
import pathlib
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from tfcommentaries import (
    ExampleWeighting,
    ImplicitTraining,
    UnrolledTraining,
)
from tfcommentaries.hypergradients.adjoint_scan import plain_scan
from tfcommentaries.hypergradients.training_layer import stack_of_steps
from tfcommentaries.saving.manifest import to_json
from tfcommentaries.saving.replacing import write_text
from tfcommentaries.students import FunctionalStudent, cbr, resnet18

HERE = pathlib.Path(__file__).parent
SCALE = 256.0
CLASSES, WORDS, LENGTH = 10, 1000, 64
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
    flags.DEFINE_string("output", str(HERE / "gpu.json"), "File to write.")


def mlp(_):
    """64-128-128-10."""
    hidden = [keras.layers.Dense(128, "relu") for _ in range(2)]
    return keras.Sequential([keras.Input((64,)), *hidden, keras.layers.Dense(CLASSES)])


def transformer(_):
    """One block of attention on 64 words, width 64, four heads."""
    layers = keras.layers
    words = keras.Input((LENGTH,), dtype="int32")
    x = layers.Embedding(WORDS, 64)(words)
    attended = layers.MultiHeadAttention(4, 16)(*[layers.LayerNormalization()(x)] * 2)
    x = layers.Add()([x, attended])
    hidden = layers.Dense(256, "gelu")(layers.LayerNormalization()(x))
    x = layers.Add()([x, layers.Dense(64)(hidden)])
    pooled = layers.GlobalAveragePooling1D()(x)
    return keras.Model(words, layers.Dense(CLASSES)(pooled))


#: Name: maker of a model from the shape of its inputs, that shape, T and batch.
STUDENTS = {
    "mlp": (mlp, (64,), 100, 32),
    "transformer": (transformer, (LENGTH,), 50, 16),
    "cbr": (lambda shape: cbr(shape, CLASSES), (32, 32, 3), 100, 64),
    "resnet18": (lambda shape: resnet18(shape, CLASSES), (32, 32, 3), 10, 64),
}
ESTIMATORS = {"unrolled": UnrolledTraining, "implicit": ImplicitTraining}
#: What the student computes in. "float32" is float32: TensorFlow's default on a GPU is
#: "tensorfloat32", float32 whose products are of numbers with 10 bits.
POLICIES = "float32", "mixed_bfloat16", "tensorfloat32", "mixed_float16"


class Case:
    """One student with one estimator.

    Args:
        student: key of `STUDENTS`.
        estimator: key of `ESTIMATORS`.
        policy: one of `POLICIES`, the student's.
        xla: whether XLA compiles.
        quick: whether it is small.
    """

    def __init__(self, student, estimator, policy, xla, quick=False):
        make, shape, steps, batch = STUDENTS[student]
        self.steps, self.batch = (2, 4) if quick else (steps, batch)
        keras.utils.set_random_seed(0)
        in_tf32 = policy == "tensorfloat32"
        tf.config.experimental.enable_tensor_float_32_execution(in_tf32)
        keras.config.set_dtype_policy("float32" if in_tf32 else policy)
        try:
            model = make(shape)
        finally:
            keras.config.set_dtype_policy("float32")
        # Not Adam, whose steps divide by small numbers: other roundings, other steps.
        optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
        if policy == "mixed_float16":
            # Where the scale of the default would come to after some steps.
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, SCALE)
        model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(True))
        generator = np.random.default_rng(0)
        size = self.steps, self.batch, *shape
        words = student == "transformer"
        x = generator.integers(WORDS, size=size) if words else generator.random(size)
        self.x = tf.constant(x, tf.int32 if words else tf.float32)
        self.y = tf.constant(generator.integers(CLASSES, size=size[:2]))
        # Words mean nothing as numbers: there the teacher sees the label alone.
        teacher = _of_labels() if words else None
        self.commentary = ExampleWeighting(
            teacher, num_classes=CLASSES, conditioning="dict" if words else "channels"
        )
        self.commentary(self.x[0], y=self.y[0], progress=0.0)
        for variable in self.commentary.trainable_variables:
            noise = 0.05 * generator.normal(size=variable.shape)
            variable.assign(variable + noise.astype("float32"))
        self.student = FunctionalStudent(model)
        self.student.build(self.x[0], self.y[0])
        self.layer = ESTIMATORS[estimator]().bind(self.commentary, self.student)
        self.untaught = UnrolledTraining().bind(None, self.student)
        self.plain = tf.function(self._plain, jit_compile=xla, autograph=False)
        self.hypergradient = tf.function(
            self._hypergradient, jit_compile=xla, autograph=False
        )

    def _plain(self):
        """Training without a commentary."""
        layer = self.untaught
        batches, progress = stack_of_steps((self.x, self.y))
        annotations = layer.problem.annotate([], batches, progress)
        state = layer.problem.initial_state(self.student.weights)
        step = layer.step_of(state, batches, 0)
        flat = plain_scan(step, [], annotations, tf.nest.flatten(state), 0, self.steps)
        return tf.nest.pack_sequence_as(state, flat).weights.trainable

    def _hypergradient(self):
        phi = [tf.convert_to_tensor(v) for v in self.commentary.trainable_variables]
        scale = self.student.loss_scale
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(phi)
            weights = self.layer(phi, self.student.weights, (self.x, self.y))
            loss, _ = self.student.loss(weights, self.x[0], self.y[0])
            loss *= scale
        found = tape.gradient(loss, phi, unconnected_gradients="zero")
        return tf.concat([tf.reshape(g / scale, [-1]) for g in found], 0)


def _of_labels():
    label = keras.Input((CLASSES,), name="label")
    progress = keras.Input((1,), name="progress")
    words = keras.Input((LENGTH,), dtype="int32", name="x")
    seen = keras.layers.Concatenate()([label, progress])
    logit = keras.layers.Dense(1)(keras.layers.Dense(64, "relu")(seen))
    return keras.Model({"x": words, "label": label, "progress": progress}, logit)


def timed(function, repeats):
    """`(first seconds, median of the others)`; what it gives is on the host by then."""

    def once():
        begin = time.perf_counter()
        tf.nest.map_structure(lambda t: t.numpy(), function())
        return time.perf_counter() - begin

    return once(), statistics.median(once() for _ in range(repeats))


@functools.cache
def on_cpu(student, estimator, quick):
    """The hypergradient, computed on the CPU in float32, without XLA."""
    with tf.device("CPU:0"):
        return Case(student, estimator, "float32", False, quick).hypergradient().numpy()


def measure(student, estimator, policy, xla, device, repeats, quick):
    """One row."""
    with tf.device(device):
        case = Case(student, estimator, policy, xla, quick)
        _, plain = timed(case.plain, repeats)
        on_gpu = "GPU" in device
        if on_gpu:
            tf.config.experimental.reset_memory_stats(device)
        first, seconds = timed(case.hypergradient, repeats)
        memory = on_gpu and tf.config.experimental.get_memory_info(device)["peak"]
        found = case.hypergradient().numpy()
    expected = on_cpu(student, estimator, quick)
    difference = float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
    return {
        "student": student,
        "estimator": estimator,
        "policy": policy,
        "xla": xla,
        "steps": case.steps,
        "batch": case.batch,
        "plain_seconds": plain,
        "seconds": seconds,
        "ratio_to_plain": seconds / plain,
        "first_seconds": first,
        "peak_mb": memory / 2**20 if on_gpu else None,
        "difference_from_cpu": difference,
        "finite": bool(np.isfinite(found).all()),
    }


def show(row):
    """Prints a row."""
    memory = "" if row["peak_mb"] is None else f" {row['peak_mb']:>6.0f} MB"
    difference = row["difference_from_cpu"]
    agrees = f", {difference:.0e} from the CPU"
    exact = row["policy"] == "float32"
    if not row["finite"] or (exact and difference > TOLERANCE):
        agrees += "  <-- WRONG"
    print(
        f"{row['student']:<12}{row['estimator']:<10}{row['policy']:<15}"
        f"{'XLA' if row['xla'] else '':<4}{row['seconds']:>8.3f} s "
        f"{row['ratio_to_plain']:>6.2f}x plain{memory}{agrees}",
        flush=True,
    )


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
        show(rows[-1])
        found = {"device": device, "tensorflow": tf.__version__, "rows": rows}
        write_text(FLAGS.output, to_json(found))
    print(f"Written: {FLAGS.output}")


if __name__ == "__main__":
    define_flags()
    app.run(main)
