"""Labels that people got wrong: what helps? See README.md beside this."""

import functools

import keras
import numpy as np
from absl import app

from experiments import protocol, student_training
from experiments.human_mistakes.features import PatchFeatures
from experiments.protocol import FLAGS
from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    SoftLabels,
    datasets,
    students,
)
from tfcommentaries.teaching import agreeing, cross_agreeing

#: Images that training and checked ones are drawn from, and how many train and test.
POOL, TRAINING, TEST = 6000, 3000, 2000
BATCH, STEPS = 64, 200
INNER_STEPS, OUTER_STEPS = 50, 40
#: Rates of the commentaries' Adam.
RATES = {"example weights": 1e-3, "soft labels": 0.1}
#: The features with training labels.
LABELS = "worse_label", "aggre_label"
#: The training labels, and the number of checked images.
GROUPS = {
    f"{label}, {checked} checked": (label, checked)
    for label in LABELS
    for checked in (200, 1000)
}
WORKERS = "workers"


def groups():
    """Names of all groups."""
    if not FLAGS.data_dir:
        raise app.UsageError("Name a TFDS folder with cifar10_n: --data_dir=DIR")
    return [*GROUPS, WORKERS]


def optimizer():
    """Of all students."""
    return keras.optimizers.Adam(1e-3)


#: One hidden layer, for features.
network = functools.partial(students.mlp, units=(64,))


@functools.cache
def load():
    """Features and true labels of the pool, its labels by name, and test `Examples`."""
    sizes = protocol.fewer((POOL, 10, TEST), (500, 10, 200))
    data = {
        label: datasets.read_tfds(
            "cifar10_n", FLAGS.data_dir, *sizes, label=label, true_label="label"
        )
        for label in LABELS
    }
    some = data[LABELS[0]]
    train, _, test = some.splits[:3]
    found = PatchFeatures(train.x, protocol.fewer(64, 16))
    x, x_test = found(train.x), found(test.x)
    mean, std = x.mean(0), x.std(0) + 1e-6
    given = {label: one.splits.train.y for label, one in data.items()}
    test = test._replace(x=(x_test - mean) / std)
    return (x - mean) / std, some.true_labels, given, test


def make_data(label, checked, seed):
    """`(train, checked, test, true labels)`: `Examples` of features, integer labels."""
    x, truth, given, test = load()
    index = np.arange(len(x))
    sizes = protocol.fewer((checked, len(x) - checked - TRAINING), (100, 100))
    train, clean, _ = datasets.split(datasets.Examples(index, truth), *sizes, seed)
    return (
        datasets.Examples(x[train.x], given[label][train.x]),
        datasets.Examples(x[clean.x], clean.y),
        test,
        train.y,
    )


def one_hot(examples):
    """`Examples` with a row of probabilities for each label."""
    return examples._replace(y=np.eye(10, dtype="float32")[examples.y])


def learn(name, train, clean, seed):
    """A commentary, learned through whole trainings of students."""
    if name == "soft labels":
        commentary = SoftLabels(num_classes=10)
    else:
        commentary = ExampleWeighting(num_classes=10, curriculum=True)
    learner = CommentaryLearner(
        commentary,
        student_training.make_student(
            network, train.x.shape[1:], 10, optimizer, soft_labels=True
        ),
        inner_steps=protocol.fewer(INNER_STEPS, 5),
        seed=seed,
    )
    learner.compile(keras.optimizers.Adam(RATES[name]))
    learner.fit(
        one_hot(train),
        one_hot(clean),
        batch_size=BATCH,
        steps_per_epoch=protocol.fewer(OUTER_STEPS, 2),
        verbose=0,
    )
    return commentary


def filters(train, clean, seed):
    """Which labels students of the checked, or of the other half, give too."""
    make = functools.partial(
        student_training.make_student, network, clean.x.shape[1:], 10, optimizer
    )
    how = protocol.fewer(STEPS, 5), BATCH, seed
    return {
        "kept by a student of the checked": agreeing(make, clean, train, *how),
        "kept by cross-validated students": cross_agreeing(make, train, *how),
    }


def measure(group, seed, folder):
    """Commentaries and what else checked examples are good for, with new students."""
    if group == WORKERS:
        return measure_workers()
    train, clean, test, truth = make_data(*GROUPS[group], seed)
    wrong = train.y != truth
    both = protocol.join(train, clean)
    kept_by = filters(train, clean, 2000 + seed)
    values = {
        "training labels": {"wrong": wrong.mean()},
        **{
            name: {"kept": kept.mean(), "wrong among them": wrong[kept].mean()}
            for name, kept in kept_by.items()
        },
    }
    conditions = {
        "plain": (both, None),
        "checked only": (clean, None),
        **{name: (both, learn(name, train, clean, seed)) for name in RATES},
        **{
            name: (protocol.join(protocol.take(train, kept), clean), None)
            for name, kept in kept_by.items()
        },
        "right labels, known": (protocol.join(train._replace(y=truth), clean), None),
        "examples with right labels, known": (
            protocol.join(protocol.take(train, ~wrong), clean),
            None,
        ),
    }
    for name, found in student_training.accuracies(
        network,
        {name: (one_hot(data), how, None) for name, (data, how) in conditions.items()},
        one_hot(test),
        protocol.fewer((STEPS,), (5, 20)),
        1000 + seed,
        batch_size=BATCH,
        optimizer=optimizer,
    ).items():
        values.setdefault(name, {}).update(found)
    return {"values": values}


def measure_workers():
    """Whether workers differ: the variance of their mistakes, over that of chance."""
    found = {}
    for number in (1, 2, 3):
        data = datasets.read_tfds(
            "cifar10_n",
            FLAGS.data_dir,
            validation_size=10,
            test_size=1,
            label=f"random_label{number}",
            true_label="label",
            group=f"worker{number}_id",
        )
        _, worker = np.unique(data.groups, return_inverse=True)
        wrong = data.splits.train.y != data.true_labels
        count, rate = np.bincount(worker), wrong.mean()
        expected = rate * (1 - rate) * count
        mistakes = np.bincount(worker, wrong)
        found[f"random_label{number}"] = {
            "workers": len(count),
            "images of a worker": count.mean(),
            "mistakes": rate,
            "variance of mistakes over that of chance": (
                ((mistakes - rate * count) ** 2).sum() / expected.sum()
            ),
        }
    return {"values": found}


if __name__ == "__main__":
    protocol.run(__file__, groups, measure)
