"""Data cleaning of benchopt's bilevel benchmark: SOBA and one `fit`. See RESULTS.md.

    python -m benchmarks.data_cleaning --data_dir=DIR

MNIST, 20,000 training images of which 70 % have a random label, 5,000 checked, one
weight for each training image, softmax regression with a penalty. SOBA in JAX and
learning inside `fit` take turns; test errors after the same seconds of training, the
first call, which compiles, left out.
"""

import tempfile
import time

import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from absl import app, flags
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks.harness import ask, save, show
from tfcommentaries import (
    ExampleWeighting,
    ImplicitTraining,
    LearnCommentaryCallback,
    teachers,
)
from tfcommentaries.teaching import mean_and_std

FLAGS = flags.FLAGS
EXAMPLES, CHECKED, CLASSES, NOISE = 20_000, 5_000, 10, 0.7
BATCH, PENALTY, LOGIT, RATE = 64, 0.2, -2.0, 0.1
#: Seconds of training after which students are tested.
MARKS = 1.0, 2.0, 5.0, 10.0


def define_flags():
    """Defines the flags of the command line."""
    flags.DEFINE_string("peers", ".venv-bench/bin/python", "Python that has JAX.")
    flags.DEFINE_string("data_dir", None, "TFDS data directory with MNIST.")
    flags.DEFINE_integer("seeds", 5, "Splits, noise and orders.")
    flags.DEFINE_bool("quick", False, "One seed, a second each, nothing written.")


def load(data_dir):
    """The images of MNIST as vectors, and their labels: `(x, y, x_test, y_test)`."""
    arrays = []
    for name in ("train", "test"):
        builder = tfds.builder("mnist", data_dir=data_dir)
        part = tfds.as_numpy(builder.as_dataset(split=name, batch_size=-1))
        x = part["image"].reshape(len(part["label"]), -1).astype("float32")
        arrays += [x, part["label"]]
    return arrays


def make_data(arrays, seed):
    """Arrays by name, standardised, with wrong labels, as benchopt makes them."""
    x, y, x_test, y_test = arrays
    generator = np.random.RandomState(seed)
    x, x_checked, y, y_checked = train_test_split(
        x, y, train_size=EXAMPLES, test_size=CHECKED, random_state=generator
    )
    random = generator.rand(len(y)) < NOISE
    y = np.where(random, generator.randint(0, CLASSES, len(y)), y)
    scaler = StandardScaler().fit(x)
    x, x_checked, x_test = map(scaler.transform, (x, x_checked, x_test))
    return {
        "x": x,
        "y": y,
        "x_checked": x_checked,
        "y_checked": y_checked,
        "x_test": x_test,
        "y_test": y_test,
    }


def error_of_minimum(x, y, data):
    """Test error of the regression that minimises the mean loss plus the penalty."""
    regression = LogisticRegression(
        C=1 / (2 * PENALTY * len(y)), fit_intercept=False, max_iter=1000
    )
    return 1 - regression.fit(x, y).score(data["x_test"], data["y_test"])


@keras.saving.register_keras_serializable(package="benchmarks")
class OverRoot(keras.optimizers.schedules.LearningRateSchedule):
    """A rate divided by the root of the step, as SOBA's are."""

    def __init__(self, rate):
        self.rate = rate

    def __call__(self, step):
        return self.rate * tf.math.rsqrt(tf.cast(step, tf.float32) + 1)

    def get_config(self):
        return {"rate": self.rate}


class Tester(keras.callbacks.Callback):
    """Tests the model after so many seconds of training, and ends it after the last."""

    def __init__(self, data, marks):
        super().__init__()
        self._test = data["x_test"], data["y_test"]
        self._marks = marks
        self._steps, self._seconds = 0, 0.0
        self.found = {"first": None, "rate": None, "errors": []}

    def on_train_batch_begin(self, batch, logs=None):
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        seconds = time.perf_counter() - self._began
        if self.found["first"] is None:
            self.found["first"] = seconds
            return
        self._seconds += seconds
        self._steps += self.model.steps_per_execution
        errors = self.found["errors"]
        if self._seconds < self._marks[len(errors)]:
            return
        x, y = self._test
        errors.append(np.mean((x @ self.model.get_weights()[0]).argmax(1) != y))
        if len(errors) == len(self._marks):
            self.found["rate"] = self._steps / self._seconds
            self.model.stop_training = True


def learn_in_fit(data, seed, marks, rate=RATE, normalize=None, solver=None):
    """Learns the weights in one `fit`, as users would.

    Args:
        data: from `make_data`.
        seed: of the order of examples.
        marks: seconds after which to test.
        rate: of the student's SGD, a number or a schedule.
        normalize: as for `ExampleWeighting`; `None` is the benchmark's problem.
        solver: as for `ImplicitTraining`; `None` is the callback's default.

    Returns:
        A dict: `first`, seconds of the first call; `rate`, steps a second of the
        others; `errors`, test errors at the marks.
    """
    keras.utils.set_random_seed(seed)
    number, pixels = data["x"].shape
    weighting = ExampleWeighting(
        teachers.Table(number, LOGIT),
        curriculum=False,
        normalize=normalize,
        teacher_key="id",
        student_key="x",
    )
    dense = keras.layers.Dense(
        CLASSES,
        use_bias=False,
        kernel_initializer="zeros",
        kernel_regularizer=keras.regularizers.L2(PENALTY),
    )
    model = keras.Sequential([keras.Input((pixels,)), dense])
    model.compile(
        keras.optimizers.SGD(rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=50,
    )
    train = {"id": np.arange(number), "x": data["x"]}, data["y"]
    train = tf.data.Dataset.from_tensor_slices(train).shuffle(number, seed)
    training = None
    if solver is not None:
        training = ImplicitTraining(solver=solver, products="finite_difference")
    checked = data["x_checked"], data["y_checked"]
    learn = LearnCommentaryCallback(weighting, checked, training)
    tester = Tester(data, marks)
    model.fit(
        train.repeat().batch(BATCH).prefetch(2),
        steps_per_epoch=1000,
        epochs=1000,
        shuffle=False,
        callbacks=[learn, tester],
        verbose=0,
    )
    return tester.found


#: Learning in `fit`: arguments of `learn_in_fit`.
WAYS = {
    "the callback's defaults": {},
    "normalised": {"normalize": "batch_mean"},
    "warm": {"solver": "warm"},
    "warm, normalised": {"solver": "warm", "normalize": "batch_mean"},
}
WAYS |= {
    f"{name}, decreasing rate": {**way, "rate": OverRoot(1.0)}
    for name, way in WAYS.items()
}


def learn_with_soba(data, seed, marks, python):
    """The same by SOBA, in a process of a Python that has JAX."""
    with tempfile.TemporaryDirectory() as directory:
        file = f"{directory}/data.npz"
        np.savez(file, **data)
        numbers = seed, BATCH, CLASSES, PENALTY, LOGIT, *marks
        return ask(python, "engines.jax_soba", file, *numbers)


def measure(data, seed, marks, python):
    """What each way of learning found, by name, and errors without any."""
    found = {"SOBA, JAX": learn_with_soba(data, seed, marks, python)}
    for name, way in WAYS.items():
        keras.utils.clear_session()
        found[name] = learn_in_fit(data, seed, marks, **way)
    for name, some in {"all": "", "the checked alone": "_checked"}.items():
        error = error_of_minimum(data[f"x{some}"], data[f"y{some}"], data)
        found[f"{name}, minimum"] = {"errors": [error]}
    return found


def rows_of(found, marks):
    """Means over seeds of what `measure` gave."""
    rows = []
    for name in found[0]:
        ones = [one[name] for one in found]
        rates = {
            key: np.mean([one[key] for one in ones])
            for key in ("first", "rate")
            if key in ones[0]
        }
        errors = np.transpose([one["errors"] for one in ones])
        for mark, values in zip(marks if rates else [None], errors):
            row = {"way": name, "seconds_of_training": mark, **rates}
            rows.append(row | mean_and_std(values.tolist()))
    return rows


def main(_):
    """Measures, prints and saves data_cleaning.json."""
    marks = MARKS[:1] if FLAGS.quick else MARKS
    arrays, found = load(FLAGS.data_dir), []
    for seed in range(1 if FLAGS.quick else FLAGS.seeds):
        data = make_data(arrays, seed)
        found.append(measure(data, seed, marks, FLAGS.peers))
    rows = rows_of(found, marks)
    for row in rows:
        rest = f"  {row['rate']:.0f} steps a second" if "rate" in row else ""
        mark = row["seconds_of_training"]
        show([f"{row['way']:<42}", "" if mark is None else f"{mark:.0f} s"], row, rest)
    if not FLAGS.quick:
        save("data_cleaning.json", rows)


if __name__ == "__main__":
    define_flags()
    flags.mark_flag_as_required("data_dir")
    app.run(main)
