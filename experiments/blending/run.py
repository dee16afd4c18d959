"""Blending by label: does it matter which classes? See README.md beside this."""

import functools
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from absl import flags
from matplotlib.figure import Figure

from experiments import protocol, student_training
from experiments.protocol import FLAGS
from tfcommentaries import (
    CommentaryLearner,
    ImplicitTraining,
    LabelBlending,
    datasets,
    export_commentary,
    students,
)

#: Few images, which students know by heart; ten times as many; and, on few, proportions
#: for all pairs of classes alike instead of learned ones.
FEW, MORE, ALIKE = PARTS = "few", "more", "alike"
flags.DEFINE_multi_enum("part", [FEW], PARTS, "What to measure; may be repeated.")


class Setting(NamedTuple):
    """How one group is tested.

    Attributes:
        part: one of `PARTS`.
        source: data set.
        sizes: numbers of training and validation images.
    """

    part: str
    source: str
    sizes: tuple | None = None


SETTINGS = {
    "mnist, few images": Setting(FEW, "mnist", (200, 200)),
    "cifar10, few images": Setting(FEW, "cifar10", (1000, 500)),
    "mnist": Setting(MORE, "mnist", (2000, 5000)),
    "cifar10": Setting(MORE, "cifar10", (10000, 5000)),
    "mnist, alike": Setting(ALIKE, "mnist", (200, 200)),
    "cifar10, alike": Setting(ALIKE, "cifar10", (1000, 500)),
    "digits": Setting(FEW, "digits"),
    "digits, alike": Setting(ALIKE, "digits"),
}
#: Tried for all pairs alike, fixed and drawn.
PROPORTIONS = 0.95, 0.85, 0.75, 0.65, 0.55
#: What follows the names of tables that began with a logit: -1 is the paper's, a
#: proportion of 0.87.
STARTS = {"": -1.0, ", from 0.55": 2.2}
#: Students' steps, after which they are tested; as a transfer to another architecture.
STEPS, TRANSFER_STEPS = 1000, 500


class Mixup(LabelBlending):
    """Every example with a proportion drawn anew, evenly around a mean and up to 1."""

    def __init__(self, num_classes, mean=0.75):
        super().__init__(num_classes)
        self.mean = mean

    def call(self, x, y=None, progress=None):
        share = tf.random.uniform([tf.shape(y)[0], 1], 2 * self.mean - 1, 1.0)
        return tf.repeat(share, self.num_classes, 1)


def groups():
    """Data sets, how many of their images, and what is tried."""
    return [
        name
        for name, setting in SETTINGS.items()
        if (setting.source == "digits") == (not FLAGS.data_dir)
        and setting.part in FLAGS.part
    ]


def make_data(group, seed):
    """Training, validation and test examples, labels one-hot."""
    setting = SETTINGS[group]
    if setting.sizes is None:
        splits = datasets.load_digits(seed=seed)
    else:
        splits = datasets.load_tfds(
            setting.source, FLAGS.data_dir, *setting.sizes, seed=seed
        )
    eye = np.eye(10, dtype="float32")
    return [datasets.Examples(part.x, eye[part.y]) for part in splits[:3]]


def learn(train, validation, initial_logit, seed):
    """Learns a table along one training, an outer step for every student step."""
    blending = LabelBlending(10, initial_logit=initial_logit)
    learner = CommentaryLearner(
        blending,
        student_training.make_student(
            students.cbr, train.x.shape[1:], 10, soft_labels=True
        ),
        ImplicitTraining(),
        inner_steps=1,
        student_initialization="continue",
        seed=seed,
    )
    learner.compile(keras.optimizers.Adam(1e-2))
    learner.fit(
        train,
        validation,
        batch_size=64,
        validation_batch_size=64,
        epochs=protocol.fewer(15, 1),
        steps_per_epoch=protocol.fewer(100, 3),
        verbose=2,
    )
    return blending


def with_table(logits):
    """A `LabelBlending` with a given table."""
    blending = LabelBlending(10)
    blending.logits.assign(logits)
    return blending


def constant(proportion):
    """A `LabelBlending` with one proportion, between 0.5 and 1, for all pairs."""
    part = 2 * (1 - proportion)  # of the sigmoid
    return LabelBlending(10, initial_logit=float(np.log(part / (1 - part))))


def decaying_adam(steps):
    """Adam whose step size falls to 0."""
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps))


def measure(group, seed, folder):
    """Students of learned tables and their controls."""
    if SETTINGS[group].part == ALIKE:
        return measure_alike(group, seed)
    train, validation, test = make_data(group, seed)
    generator = np.random.default_rng(seed)
    tables, found = {}, {}
    for start, initial_logit in protocol.first(STARTS):
        learned = learn(train, validation, initial_logit, seed)
        name = f"blending{start}".replace(", ", "-").replace(" ", "-")
        export_commentary(learned, folder / name)
        logits = learned.logits.numpy()
        proportions = 1 - 0.5 / (1 + np.exp(-logits))
        shuffled = generator.permutation(logits.ravel()).reshape(10, 10)
        tables["learned table" + start] = learned
        tables["shuffled table" + start] = with_table(shuffled)
        tables["constant at the mean" + start] = constant(proportions.mean())
        found[start] = proportions
    transferred = ["none", *tables]
    tables["random table"] = with_table(generator.normal(size=(10, 10)))
    tables["mixup"] = Mixup(10)
    conditions = {
        "none": (train, None, None),
        "none, validation data added": (protocol.join(train, validation), None, None),
        **{name: (train, table, None) for name, table in tables.items()},
    }
    values = teach(conditions, test, seed)
    steps = protocol.fewer((TRANSFER_STEPS,), (2,))
    transfer = student_training.accuracies(
        students.few_shot_net,
        {name: conditions[name] for name in transferred[: protocol.fewer(None, 2)]},
        test,
        steps,
        seed,
        untaught=train,
    )
    for name, measured in transfer.items():
        values[f"{name} (transfer: few-shot net)"] = measured
    for start, proportions in found.items():
        values["learned table" + start] |= {
            "mean proportion": proportions.mean(),
            "std of proportions": proportions.std(),
        }
    return {"values": values, "proportions": found}


def measure_alike(group, seed):
    """Where learning should go: students of one proportion for all pairs."""
    train, _, test = make_data(group, seed)
    conditions = {"none": (train, None, None)}
    for one in PROPORTIONS:
        conditions[f"constant {one}"] = train, constant(one), None
        conditions[f"drawn around {one}"] = train, Mixup(10, one), None
    return {"values": teach(conditions, test, seed)}


def teach(conditions, test, seed):
    """Accuracies of CBR students; batch normalisation's averages also untaught."""
    steps = protocol.fewer((STEPS,), (5, 20))
    return student_training.accuracies(
        students.cbr,
        conditions,
        test,
        steps,
        seed,
        untaught=conditions["none"][0],
        optimizer=functools.partial(decaying_adam, steps[-1]),
    )


def draw(records, run_dir):
    """Learned proportions by pair of classes, mean over seeds, a picture for each data.

    A panel for each start.
    """
    figures = {}
    for group, ones in records.items():
        if "proportions" not in ones[0]:
            continue
        starts = dict(protocol.first(STARTS))
        size = 3.4, 3.0 * len(starts)
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(len(starts), squeeze=False)[:, 0]
        for start, axes in zip(starts, panels):
            table = np.mean([one["proportions"][start] for one in ones], 0)
            image = axes.imshow(table, cmap="viridis")
            figure.colorbar(image, ax=axes)
            axes.set(xlabel="class of the partner", ylabel="class")
            axes.set_title(group + start, fontsize=9)
        name = group.replace(", ", "-").replace(" ", "-")
        figures[f"proportions-{name}.png"] = figure
    return figures


if __name__ == "__main__":
    protocol.run(__file__, groups, measure, draw, seeds=1)
