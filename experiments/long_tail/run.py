"""Rare classes: what do learned weights gain? See README.md beside this."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from experiments import protocol, student_training
from experiments.protocol import FLAGS
from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    LossWeighting,
    datasets,
    export_commentary,
    students,
)
from tfcommentaries.commentaries import RandomWeighting, ShuffledWeighting

IMBALANCE = 100
LOSSES = np.linspace(0, 8, 41)


class Setting(NamedTuple):
    """How students are trained in one group.

    Attributes:
        network: function `(shape, num_classes)` to a Keras model.
        optimizer: function without arguments to its optimizer.
        unrolled_optimizer: likewise, of the students that weights by example are
            learned through.
        steps: student steps after which to test.
        transferred: another network, for students not learned with.
    """

    network: Callable
    optimizer: Callable
    unrolled_optimizer: Callable
    steps: tuple
    transferred: Callable


def perceptron(shape, num_classes):
    """The network of Betty's quick start."""
    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Flatten(),
            keras.layers.Dense(200, "relu"),
            keras.layers.Dense(num_classes),
        ]
    )


def stepwise_sgd():
    """The optimizer of Betty's quick start, with gradients clipped.

    Unclipped, students diverge when examples of rare classes weigh tens of times more.
    """
    rate = keras.optimizers.schedules.PiecewiseConstantDecay(
        [1500, 2500], [0.1, 0.01, 0.001]
    )
    return keras.optimizers.SGD(rate, momentum=0.9, global_clipnorm=1.0)


def gentle_sgd():
    """A tenth of its rate: through 100 steps of 0.1 hypergradients explode."""
    return keras.optimizers.SGD(0.01, momentum=0.9)


def adam():
    """For students of the other groups."""
    return keras.optimizers.Adam(1e-3)


SETTINGS = {
    "mnist": Setting(perceptron, stepwise_sgd, gentle_sgd, (3000,), students.cbr),
    "cifar10": Setting(students.cbr, adam, adam, (500, 1000), students.few_shot_net),
    "digits": Setting(students.cbr, adam, adam, (500, 1000), students.few_shot_net),
}


def groups():
    """Data sets."""
    return ["mnist", "cifar10"] if FLAGS.data_dir else ["digits"]


def make_data(group, seed):
    """Long-tailed training, balanced validation and test examples."""
    if group == "digits":
        splits = datasets.load_digits(seed=seed)
        imbalance, per_class = 20, 30
    else:
        splits = datasets.load_tfds(
            group, FLAGS.data_dir, validation_size=1500, seed=seed
        )
        imbalance, per_class = IMBALANCE, 100
    train, validation, test = splits[:3]
    if group == "mnist":  # as in Betty
        train, validation, test = (
            datasets.Examples((part.x - 0.1307) / 0.3081, part.y)
            for part in (train, validation, test)
        )
    generator = np.random.default_rng(seed)
    ranks = generator.permutation(10)
    counts = [round(len(train.y) / 10 * imbalance ** (-rank / 9)) for rank in ranks]
    return (
        protocol.take(train, draw_classes(train.y, counts, generator)),
        protocol.take(
            validation, draw_classes(validation.y, [per_class] * 10, generator)
        ),
        test,
    )


def draw_classes(y, counts, generator):
    """Rows with so many examples of each class, or as many as there are."""
    rows = [
        generator.permutation(np.flatnonzero(y == label))[:count]
        for label, count in enumerate(counts)
    ]
    return generator.permutation(np.concatenate(rows))


def learn_from_losses(setting, train, validation, test, seed):
    """Meta-Weight-Net: along one training, an outer step for each student step.

    Returns:
        The weighting, and the test accuracies of the student that it was learned with
        and of one from the same weights that was trained alike without it.
    """
    weighting = LossWeighting()
    student = student_training.make_student(
        setting.network, train.x.shape[1:], 10, setting.optimizer
    )
    learner = CommentaryLearner(
        weighting,
        student,
        inner_steps=1,
        student_initialization="continue",
        seed=seed,
    )
    learner.compile(keras.optimizers.Adam(1e-3))
    steps = protocol.fewer(setting.steps[-1], 4)
    learner.fit(
        train,
        validation,
        batch_size=100,
        validation_batch_size=100,
        epochs=protocol.fewer(10, 2),
        steps_per_epoch=steps // protocol.fewer(10, 2),
        verbose=2,
    )
    keras.utils.set_random_seed(seed)
    batches = tf.data.Dataset.from_tensor_slices(tuple(train))
    batches = batches.shuffle(len(train.y), seed=seed).repeat().batch(100)
    student.fit(batches, steps_per_epoch=steps, verbose=0)
    alone = student.evaluate(*test, batch_size=500, verbose=0)[1]
    learner.student.assign(learner.initialization.state.weights)
    taught = student.evaluate(*test, batch_size=500, verbose=0)[1]
    return weighting, taught, alone


def learn_from_examples(setting, train, validation, seed):
    """An example weighting that sees image, label and progress, by unrolling."""
    weighting = ExampleWeighting(num_classes=10, curriculum=True)
    learner = CommentaryLearner(
        weighting,
        student_training.make_student(
            setting.network, train.x.shape[1:], 10, setting.unrolled_optimizer
        ),
        inner_steps=protocol.fewer(100, 5),
        seed=seed,
    )
    learner.compile(keras.optimizers.Adam(1e-3))
    learner.fit(
        train,
        validation,
        batch_size=32,
        validation_batch_size=protocol.fewer(500, 100),
        epochs=protocol.fewer(10, 2),
        steps_per_epoch=protocol.fewer(10, 2),
        verbose=2,
    )
    return weighting


def inverse_frequency(y):
    """Weights that count every class alike."""
    return (len(y) / 10 / np.bincount(y, minlength=10))[y].astype("float32")


def measure(group, seed, folder):
    """Two commentaries and their students."""
    setting = SETTINGS[group]
    train, validation, test = make_data(group, seed)
    by_loss, taught, alone = learn_from_losses(setting, train, validation, test, seed)
    by_example = learn_from_examples(setting, train, validation, seed)
    export_commentary(by_loss, folder / "by_loss")
    export_commentary(by_example, folder / "by_example", {"inner_steps": 100})
    both = protocol.join(train, validation)
    conditions = {
        "plain": (train, None, None),
        "plain, validation data added": (both, None, None),
        "validation data only": (validation, None, None),
        "weights by the student's loss": (train, by_loss, None),
        "weights by example": (train, by_example, None),
        "weights by example, validation data added": (both, by_example, None),
        "weights by example, shuffled": (train, ShuffledWeighting(by_example), None),
        "random weights": (train, RandomWeighting(), None),
        "weights by inverse frequency": (train, None, inverse_frequency(train.y)),
    }
    steps = protocol.fewer(setting.steps, (5, 20))
    values = student_training.accuracies(
        setting.network,
        conditions,
        test,
        steps,
        seed,
        batch_size=100,
        optimizer=setting.optimizer,
    )
    values["the student that losses were weighed for"] = {"accuracy": taught}
    values["plain, trained as that one"] = {"accuracy": alone}
    few = (
        "plain",
        "plain, validation data added",
        "weights by the student's loss",
        "weights by example",
        "weights by example, validation data added",
        "weights by inverse frequency",
    )
    for name, ones in student_training.accuracies(
        setting.transferred,
        {name: conditions[name] for name in few},
        test,
        protocol.fewer((500,), (2,)),
        seed,
        batch_size=100,
    ).items():
        values[f"{name} (transfer: {setting.transferred.__name__})"] = ones
    weights = student_training.in_batches(
        lambda i: by_example(train.x[i], y=train.y[i], progress=0.5),
        np.arange(len(train.y)),
    )
    frequent_first = np.argsort(-np.bincount(train.y, minlength=10), kind="stable")
    return {
        "values": values,
        "by loss": by_loss(LOSSES.astype("float32")).numpy(),
        "by class": [float(weights[train.y == c].mean()) for c in frequent_first],
    }


def draw(records, run_dir):
    """Weights by loss, and by class."""
    figure = Figure(figsize=(4.1, 6), layout="constrained")
    above, below = figure.subplots(2)
    for group, ones in records.items():
        for axes, x, key in (
            (above, LOSSES, "by loss"),
            (below, range(10), "by class"),
        ):
            curves = np.array([one[key] for one in ones])
            curves /= curves.mean(1, keepdims=True)
            axes.plot(x, curves.mean(0), label=group)
            low, high = curves.min(0), curves.max(0)
            axes.fill_between(x, low, high, alpha=0.2)
    above.set(xlabel="the student's loss", ylabel="weight / mean weight")
    below.set(xlabel="class, from frequent to rare", ylabel="weight / mean weight")
    below.legend(frameon=False)
    return {"weights.png": figure}


if __name__ == "__main__":
    protocol.run(__file__, groups, measure, draw, seeds=1)
