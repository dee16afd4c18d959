"""Rare classes: what do learned weights gain? See README.md beside this."""

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from experiments import protocol
from experiments.protocol import FLAGS
from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    LossWeighting,
    datasets,
    export_commentary,
    students,
)
from tfcommentaries.commentaries import ShuffledWeighting

IMBALANCE = 100
STEPS = 500, 2000
LOSSES = np.linspace(0, 8, 41)


def groups():
    """Data sets."""
    return ["mnist", "cifar10"] if FLAGS.data_dir else ["digits"]


def make_data(group, seed):
    """Long-tailed training, balanced validation and test examples."""
    if group == "digits":
        splits = datasets.load_digits(seed=seed)
    else:
        splits = datasets.load_tfds(
            group, FLAGS.data_dir, validation_size=1000, seed=seed
        )
    train, validation, test = splits[:3]
    imbalance = IMBALANCE if FLAGS.data_dir else 20
    index = long_tailed(train.y, imbalance, seed)
    return protocol.take(train, index), validation, test


def long_tailed(y, imbalance, seed):
    """Rows of which class 0 has most and class 9 `imbalance` times fewer."""
    generator = np.random.default_rng(seed)
    most = np.bincount(y).min()
    rows = []
    for label in range(10):
        count = round(most * imbalance ** (-label / 9))
        rows.append(generator.permutation(np.flatnonzero(y == label))[:count])
    return generator.permutation(np.concatenate(rows))


def learn_from_losses(train, validation, test, seed):
    """Meta-Weight-Net: along one training, an outer step for each student step.

    Returns:
        The weighting, and the test accuracies of the student that it was learned with
        and of one from the same weights that was trained alike without it.
    """
    weighting = LossWeighting()
    student = protocol.make_student(students.cbr, train.x.shape[1:], 10)
    student.compile(keras.optimizers.SGD(0.1), student.loss, metrics=["accuracy"])
    learner = CommentaryLearner(
        weighting,
        student,
        inner_steps=1,
        student_initialization="continue",
        seed=seed,
    )
    learner.compile(keras.optimizers.Adam(1e-3))
    learner.fit(
        train,
        validation,
        batch_size=100,
        validation_batch_size=100,
        epochs=protocol.fewer(20, 1),
        steps_per_epoch=protocol.fewer(100, 3),
        verbose=2,
    )
    keras.utils.set_random_seed(seed)
    batches = tf.data.Dataset.from_tensor_slices(tuple(train))
    batches = batches.shuffle(len(train.y), seed=seed).repeat().batch(100)
    student.fit(batches, steps_per_epoch=protocol.fewer(2000, 3), verbose=0)
    alone = student.evaluate(*test, batch_size=500, verbose=0)[1]
    learner.student.assign(learner.initialization.state.weights)
    taught = student.evaluate(*test, batch_size=500, verbose=0)[1]
    return weighting, taught, alone


def learn_from_examples(train, validation, seed):
    """An example weighting that sees image, label and progress, by unrolling."""
    weighting = ExampleWeighting(num_classes=10)
    learner = CommentaryLearner(
        weighting,
        protocol.make_student(students.cbr, train.x.shape[1:], 10),
        inner_steps=protocol.fewer(100, 5),
        seed=seed,
    )
    learner.compile(keras.optimizers.Adam(1e-3))
    learner.fit(
        train,
        validation,
        batch_size=32,
        validation_batch_size=protocol.fewer(500, 100),
        epochs=protocol.fewer(10, 1),
        steps_per_epoch=protocol.fewer(10, 2),
        verbose=2,
    )
    return weighting


def measure(group, seed, folder):
    """Two commentaries and their students."""
    train, validation, test = make_data(group, seed)
    by_loss, taught, alone = learn_from_losses(train, validation, test, seed)
    by_example = learn_from_examples(train, validation, seed)
    export_commentary(by_loss, folder / "by_loss")
    export_commentary(by_example, folder / "by_example", {"inner_steps": 100})
    counts = np.bincount(train.y, minlength=10)
    inverse = (len(train.y) / 10 / counts)[train.y].astype("float32")
    conditions = {
        "plain": (train, None, None),
        "plain, validation data added": (protocol.join(train, validation), None, None),
        "validation data only": (validation, None, None),
        "weights by the student's loss": (train, by_loss, None),
        "weights by example": (train, by_example, None),
        "weights by example, shuffled": (train, ShuffledWeighting(by_example), None),
        "weights by inverse frequency": (train, None, inverse),
    }
    steps = protocol.fewer(STEPS, (2, 4))
    values = protocol.accuracies(students.cbr, conditions, test, steps, seed, 100)
    values["the student that losses were weighed for"] = {"accuracy": taught}
    values["plain, trained as that one"] = {"accuracy": alone}
    few = {k: conditions[k] for k in conditions if "only" not in k and "sh" not in k}
    steps = protocol.fewer((500,), (2,))
    for name, ones in protocol.accuracies(
        students.few_shot_net, few, test, steps, seed, 100
    ).items():
        values[f"{name} (transfer: few-shot net)"] = ones
    weights = protocol.in_batches(
        lambda i: by_example(train.x[i], y=train.y[i], progress=0.5),
        np.arange(len(train.y)),
    )
    by_class = [float(weights[train.y == label].mean()) for label in range(10)]
    return {
        "values": values,
        "by loss": by_loss(LOSSES.astype("float32")).numpy(),
        "by class": by_class,
    }


def draw(records, run_dir):
    """Weights by loss, and by class."""
    figure = Figure(figsize=(8, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    for group, ones in records.items():
        for axes, x, key in ((left, LOSSES, "by loss"), (right, range(10), "by class")):
            curves = np.array([one[key] for one in ones])
            curves /= curves.mean(1, keepdims=True)
            axes.plot(x, curves.mean(0), label=group)
            low, high = curves.min(0), curves.max(0)
            axes.fill_between(x, low, high, alpha=0.2)
    left.set(xlabel="the student's loss", ylabel="weight / mean weight")
    right.set(xlabel="class, from frequent to rare")
    right.legend(frameon=False)
    return {"weights.png": figure}


if __name__ == "__main__":
    protocol.run(__file__, groups, measure, draw)
