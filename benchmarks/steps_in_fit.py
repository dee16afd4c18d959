"""Training steps a second in `fit`: Keras alone, taught, learning. See RESULTS.md.

    python -m benchmarks.steps_in_fit

The model and the sizes are those of data cleaning on MNIST: softmax regression on 784
numbers, 20,000 examples with a free weight each, 5,000 checked ones, batches of 64. The
numbers are random, since only time is measured.
"""

import time

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from tfcommentaries import (
    CommentaryCallback,
    ExampleWeighting,
    LearnCommentaryCallback,
    teachers,
)

FLAGS = flags.FLAGS
EXAMPLES, CHECKED, PIXELS, CLASSES, BATCH = 20_000, 5_000, 784, 10, 64


def define_flags():
    """Defines the flags of the command line."""
    flags.DEFINE_integer("steps", 1000, "Training steps of an epoch; two are made.")
    flags.DEFINE_list(
        "steps_per_execution", ["1", "50"], "As Keras's `compile` has it."
    )


class Stopwatch(keras.callbacks.Callback):
    """Steps a second, and a CPU second, of the last epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self._began = time.perf_counter(), time.process_time()

    def on_epoch_end(self, epoch, logs=None):
        ends = time.perf_counter(), time.process_time()
        taken = [end - begin for end, begin in zip(ends, self._began)]
        self.rates = [self.params["steps"] / seconds for seconds in taken]


def examples(number, generator):
    """Random inputs and labels."""
    x = generator.normal(size=(number, PIXELS)).astype("float32")
    return x, generator.integers(0, CLASSES, number)


def make_weighting():
    """A free weight for each training example."""
    return ExampleWeighting(teachers.Table(EXAMPLES), teacher_key="id", student_key="x")


def rates(callbacks, steps, steps_per_execution):
    """`[steps a second, steps a CPU second]` of a `fit` with these callbacks."""
    x, y = examples(EXAMPLES, np.random.default_rng(0))
    x = {"id": np.arange(EXAMPLES), "x": x} if callbacks else x
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(1000).repeat()
    model = keras.Sequential(
        [keras.Input((PIXELS,)), keras.layers.Dense(CLASSES, use_bias=False)]
    )
    model.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=steps_per_execution,
    )
    watch = Stopwatch()
    model.fit(
        data.batch(BATCH).prefetch(2),
        epochs=2,
        steps_per_epoch=steps,
        callbacks=[*callbacks, watch],
        verbose=0,
    )
    return watch.rates


def measure(steps, steps_per_execution):
    """The rates of all three, by name."""
    taught = make_weighting()
    taught({"id": np.arange(2), "x": np.zeros((2, PIXELS), "float32")})
    checked = examples(CHECKED, np.random.default_rng(1))
    ways = {
        "keras": [],
        "taught": [CommentaryCallback(taught)],
        "learning": [
            LearnCommentaryCallback(
                make_weighting(), checked, validation_batch_size=BATCH
            )
        ],
    }
    return {name: rates(how, steps, steps_per_execution) for name, how in ways.items()}


def main(_):
    """Measures each way in turn, and prints a line for each."""
    for number in map(int, FLAGS.steps_per_execution):
        for name, (wall, cpu) in measure(FLAGS.steps, number).items():
            print(
                f"{name:10} steps_per_execution={number:<4} "
                f"{wall:6.0f} steps a second, {cpu:6.0f} a CPU second",
                flush=True,
            )


if __name__ == "__main__":
    define_flags()
    app.run(main)
