"""What comes before the first outer step, against Keras's own. See RESULTS.md.

    python -m benchmarks.first_step

Each student has a process of its own, in which Keras first makes two training steps in
one graph, and then a learner its first outer step, of as many inner steps; then `fit`
goes on for another outer step. Students start without pretrained weights.
"""

import collections
import contextlib
import json
import sys
import time

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags
from tensorflow.python.framework import ops

from benchmarks.harness import ask, forget_peak, megabytes, save, seconds_of
from tfcommentaries import CommentaryLearner, ExampleWeighting, students

FLAGS = flags.FLAGS
SHAPE, CLASSES, BATCH, STEPS = (32, 32, 3), 10, 8, 2


def _application(name):
    cls = getattr(keras.applications, name)
    return lambda: cls(weights=None, input_shape=SHAPE, classes=CLASSES)


#: Each maker of a student, not compiled.
STUDENTS = {
    "mlp": lambda: students.mlp(SHAPE, CLASSES),
    "cbr": lambda: students.cbr(SHAPE, CLASSES),
} | {
    name: _application(name)
    for name in (
        "MobileNetV3Small",
        "MobileNetV2",
        "ResNet50",
        "EfficientNetB0",
        "DenseNet121",
    )
}


def define_flags():
    """Defines the flags of the command line."""
    flags.DEFINE_list("students", list(STUDENTS), "Which to measure.")
    flags.DEFINE_string("one", None, "Measures this one here, and prints it as JSON.")
    flags.DEFINE_string("output", "first_step.json", "File to write, beside this one.")


@contextlib.contextmanager
def counting(model):
    """Yields a counter of operations of graphs, and of calls of a model."""
    counts = collections.Counter()
    create, call = ops.Graph._create_op_internal, model.call

    def counted_create(*args, **kwargs):
        counts["operations"] += 1
        return create(*args, **kwargs)

    def counted_call(*args, **kwargs):
        counts["eager calls" if tf.executing_eagerly() else "traces"] += 1
        return call(*args, **kwargs)

    ops.Graph._create_op_internal = counted_create
    model.call = counted_call
    try:
        yield counts
    finally:
        ops.Graph._create_op_internal = create
        model.call = call


def measured(model, function):
    """Time, memory and counts of one call of a function."""
    forget_peak()
    before = megabytes("VmRSS")
    with counting(model) as counts:
        begin = time.process_time()
        seconds = seconds_of(function)
        of_cpu = time.process_time() - begin
    peak = megabytes("VmHWM")
    found = {"seconds": seconds, "cpu_seconds": of_cpu, "peak_mb": peak}
    return {**found, "more_mb": peak - before, **counts}


def measure(name):
    """The row of one student."""
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    x = generator.normal(size=(4 * BATCH, *SHAPE)).astype("float32")
    y = generator.integers(0, CLASSES, len(x))
    model = STUDENTS[name]()
    loss = "sparse_categorical_crossentropy"
    if name in ("mlp", "cbr"):
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    row = {
        "student": name,
        "layers": len(model._flatten_layers()),
        "variables": len(model.variables),
        "imported_mb": megabytes("VmRSS"),
    }

    @tf.function(autograph=False)
    def two_steps(x, y):
        for _ in range(STEPS):
            logs = model.train_step((x, y))
        return logs

    batch = tf.constant(x[:BATCH]), tf.constant(y[:BATCH])
    before = model.get_weights()
    # In a graph it would make variables, and the graph would be traced twice.
    model.optimizer.build(model.trainable_variables)
    row["keras"] = measured(model, lambda: two_steps(*batch))
    model.set_weights(before)
    commentary = ExampleWeighting()
    learner = CommentaryLearner(commentary, model, inner_steps=STEPS)

    def fit():
        learner.fit(
            (x, y),
            validation_data=(x[:BATCH], y[:BATCH]),
            batch_size=BATCH,
            steps_per_epoch=1,
            verbose=0,
        )

    row["first"] = measured(model, fit)
    row["second"] = measured(model, fit)
    # Others may use the machine: time of the processor says more.
    row["ratio"] = row["first"]["cpu_seconds"] / row["keras"]["cpu_seconds"]
    return row


def show_row(row):
    """Prints a row."""
    print(row["student"], f"({row['layers']} layers)")
    for part in ("keras", "first", "second"):
        found = row[part]
        print(
            f"  {part:<8} {found['seconds']:>7.2f} s {found['cpu_seconds']:>7.2f} s of "
            f"CPU {found['peak_mb']:>6.0f} MB (+{found['more_mb']:.0f}) "
            f"{found.get('operations', 0):>8} operations {found.get('traces', 0):>3} "
            f"traces {found.get('eager calls', 0):>3} eager calls"
        )
    print(f"  first / keras {row['ratio']:.2f}", flush=True)


def main(_):
    """Measures, prints and saves."""
    if FLAGS.one:
        print(json.dumps(measure(FLAGS.one), default=float))
        return
    rows = []
    for name in FLAGS.students:
        rows.append(ask(sys.executable, "first_step", f"--one={name}"))
        show_row(rows[-1])
        save(FLAGS.output, rows)


if __name__ == "__main__":
    define_flags()
    app.run(main)
