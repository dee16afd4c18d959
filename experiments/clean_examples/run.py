"""Few clean examples: what is a commentary worth, and what are they? See README.md."""

import keras
import numpy as np
from matplotlib.figure import Figure
from sklearn.model_selection import StratifiedKFold

from experiments import protocol, student_training
from experiments.protocol import FLAGS
from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    datasets,
    export_commentary,
    students,
)
from tfcommentaries.commentaries import ShuffledWeighting
from tfcommentaries.teaching import agreeing, mean_and_std

#: Part of the labels that is drawn anew, or made that of the next class.
NOISE = {"random": 0.4, "pair": 0.45}
BATCH = 32
STEPS = 100, 300
TRAINING = 1000
GROUPS = ("random", 50), ("random", 300), ("pair", 50), ("pair", 300)


def groups():
    """Data set, kind of wrong labels and number of clean examples."""
    name = "mnist" if FLAGS.data_dir else "digits"
    return [f"{name}, {noise} noise, {size} clean" for noise, size in GROUPS]


def make_data(group, seed):
    """Training, clean and test examples, and which training labels are wrong."""
    name, noise, size = group.split(", ")
    size = int(size.removesuffix(" clean"))
    if name == "digits":
        splits = datasets.load_digits(validation_size=size, seed=seed)
    else:
        splits = datasets.load_tfds(name, FLAGS.data_dir, TRAINING, size, seed=seed)
    train, clean, test = splits[:3]
    train = protocol.take(train, slice(TRAINING))
    kind = noise.removesuffix(" noise")
    labels, wrong = datasets.corrupt_labels(train.y, NOISE[kind], 10, seed, kind)
    return train._replace(y=labels), clean, test, wrong


def optimizer():
    """Of all students."""
    return keras.optimizers.Adam(3e-3)


def make_student(shape):
    """The network that commentaries are learned with and labels checked by."""
    return student_training.make_student(students.cbr, shape, 10, optimizer)


def learn(train, clean, seed):
    """An example weighting that sees image, label and progress."""
    weighting = ExampleWeighting(num_classes=10, curriculum=True)
    learner = CommentaryLearner(
        weighting,
        make_student(train.x.shape[1:]),
        inner_steps=protocol.fewer(100, 5),
        seed=seed,
    )
    learner.compile(keras.optimizers.Adam(1e-3))
    learner.fit(
        train,
        clean,
        batch_size=BATCH,
        epochs=protocol.fewer(10, 2),
        steps_per_epoch=protocol.fewer(10, 2),
        verbose=2,
    )
    return weighting


def agree(clean, examples, seed):
    """Which labels a student of the clean examples gives too."""
    steps = protocol.fewer(STEPS[-1], 5)
    shape = clean.x.shape[1:]
    return agreeing(lambda: make_student(shape), clean, examples, steps, BATCH, seed)


def cross_validate(train, clean, seed):
    """Which labels students of the clean and other examples give too."""
    kept = np.empty(len(train.y), bool)
    folds = StratifiedKFold(protocol.fewer(5, 2), shuffle=True, random_state=seed)
    for seen, unseen in folds.split(train.x, train.y):
        examples = protocol.join(protocol.take(train, seen), clean)
        kept[unseen] = agree(examples, protocol.take(train, unseen), seed)
    return kept


def measure(group, seed, folder):
    """One commentary, what else clean examples are good for, and new students."""
    train, clean, test, wrong = make_data(group, seed)
    weighting = learn(train, clean, seed)
    export_commentary(weighting, folder / "weighting", {"inner_steps": 100})
    both = protocol.join(train, clean)
    filters = {
        "a student of the clean examples": agree(clean, train, 2000 + seed),
        "cross-validated students": cross_validate(train, clean, 2000 + seed),
    }
    conditions = {
        "plain": (train, None, None),
        "clean examples added": (both, None, None),
        "clean examples only": (clean, None, None),
        "commentary": (train, weighting, None),
        "commentary, clean examples added": (both, weighting, None),
        "commentary, shuffled": (train, ShuffledWeighting(weighting), None),
    }
    values = {}
    for name, kept in filters.items():
        name = f"kept by {name}, clean examples added"
        conditions[name] = protocol.join(protocol.take(train, kept), clean), None, None
        values[name] = {"kept": kept.mean(), "wrong among them": wrong[kept].mean()}
    conditions["right labels, known, clean examples added"] = (
        protocol.join(protocol.take(train, ~wrong), clean),
        None,
        None,
    )
    networks = {"": students.cbr, " (transfer: few-shot net)": students.few_shot_net}
    for suffix, network in protocol.first(networks):
        for name, found in student_training.accuracies(
            network,
            conditions,
            test,
            protocol.fewer(STEPS, (5, 20)),
            1000 + seed,
            batch_size=BATCH,
            optimizer=optimizer,
        ).items():
            values.setdefault(name + suffix, {}).update(found)
    return {"values": values}


def draw(records, run_dir):
    """Accuracy at the end, a panel for each group."""
    shown = {
        "commentary": ("commentary", "#0072b2"),
        "kept by a student of the clean examples, clean examples added": (
            "kept by a student of the clean",
            "#009e73",
        ),
        "kept by cross-validated students, clean examples added": (
            "kept by cross-validated students",
            "#e69f00",
        ),
        "clean examples only": ("clean examples only", "#cc79a7"),
        "plain": ("plain", "#999999"),
    }
    metric = f"accuracy, step {protocol.fewer(STEPS[-1], 20)}"
    # Narrow, so that its texts can be read on a phone.
    size = 4, 1.35 * len(records) + 1.5
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(records), squeeze=False, sharex=True)[:, 0]
    for axes, (group, ones) in zip(panels, records.items()):
        for place, (condition, (name, color)) in enumerate(shown.items()):
            found = mean_and_std([one["values"][condition][metric] for one in ones])
            mean, std = found["mean"], found["std"]
            axes.barh(place, mean, 0.85, xerr=std, color=color, label=name)
            axes.text(1.02, place, f"{mean:.3f}", va="center", fontsize=9)
        axes.set(yticks=[], xlim=(0, 1))
        axes.invert_yaxis()
        axes.set_title(group.split(", ", 1)[1], loc="left", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel(f"test {metric}")
    names = panels[0].get_legend_handles_labels()
    figure.legend(*names, frameon=False, fontsize=9, loc="outside upper left")
    return {"accuracies.png": figure}


if __name__ == "__main__":
    protocol.run(__file__, groups, measure, draw)
