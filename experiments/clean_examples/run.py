"""Few clean examples: what is a commentary worth, and what are they? See README.md."""

import keras
import numpy as np
from matplotlib.figure import Figure
from sklearn.model_selection import StratifiedKFold

from experiments import protocol
from experiments.protocol import FLAGS
from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    datasets,
    export_commentary,
    students,
)
from tfcommentaries.commentaries import ShuffledWeighting

#: Part of the labels that is drawn anew, or made that of the next class.
NOISE = {"random": 0.4, "pair": 0.45}
BATCH = 32
STEPS = 100, 300
TRAINING = 1000
GROUPS = ("random", 50), ("random", 300), ("pair", 50), ("pair", 300)


def groups():
    """Data set, kind of wrong labels and number of clean examples."""
    name = "mnist" if FLAGS.data_dir else "digits"
    some = protocol.fewer(GROUPS, GROUPS[:1])
    return [f"{name}, {noise} noise, {size} clean" for noise, size in some]


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


def learn(train, clean, seed):
    """An example weighting that sees image, label and progress, as in `make demo`."""
    weighting = ExampleWeighting(num_classes=10)
    student = protocol.make_student(students.cbr, train.x.shape[1:], 10, optimizer)
    learner = CommentaryLearner(
        weighting, student, inner_steps=protocol.fewer(100, 5), seed=seed
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


def predict(examples, x, seed):
    """Classes that a student of the examples gives to others."""
    steps = protocol.fewer(STEPS[-1], 5)
    return protocol.predict_classes(
        students.cbr, examples, x, steps, seed, BATCH, optimizer=optimizer
    )


def cross_predict(train, clean, seed):
    """Classes of training examples, by students of the clean and the others."""
    classes = np.empty(len(train.y), int)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    for seen, unseen in folds.split(train.x, train.y):
        examples = protocol.join(protocol.take(train, seen), clean)
        classes[unseen] = predict(examples, train.x[unseen], seed)
    return classes


def measure(group, seed, folder):
    """One commentary, what else clean examples are good for, and new students."""
    train, clean, test, wrong = make_data(group, seed)
    weighting = learn(train, clean, seed)
    export_commentary(weighting, folder / "weighting", {"inner_steps": 100})
    both = protocol.join(train, clean)
    agreeing = {
        "a student of the clean examples": train.y
        == predict(clean, train.x, 2000 + seed),
        "cross-validated students": train.y == cross_predict(train, clean, 2000 + seed),
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
    for name, kept in agreeing.items():
        name = f"kept by {name}, clean examples added"
        conditions[name] = protocol.join(protocol.take(train, kept), clean), None, None
        values[name] = {"kept": kept.mean(), "wrong among them": wrong[kept].mean()}
    conditions["right labels, known, clean examples added"] = (
        protocol.join(protocol.take(train, ~wrong), clean),
        None,
        None,
    )
    networks = {"": students.cbr, " (transfer: few-shot net)": students.few_shot_net}
    for suffix, network in networks.items():
        for name, found in protocol.accuracies(
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
    """Accuracy at the end, by kind of wrong labels and number of clean examples."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    shown = {
        "commentary": "#0072b2",
        "kept by a student of the clean examples, clean examples added": "#009e73",
        "kept by cross-validated students, clean examples added": "#e69f00",
        "clean examples only": "#cc79a7",
        "plain": "#999999",
    }
    step = f"accuracy, step {protocol.fewer(STEPS[-1], 20)}"
    axes = figure.subplots()
    for i, (name, color) in enumerate(shown.items()):
        found = [
            [one["values"][name][step] for one in ones] for ones in records.values()
        ]
        places = np.arange(len(records)) + 0.16 * (i - len(shown) / 2)
        axes.bar(
            places,
            [np.mean(values) for values in found],
            0.15,
            color=color,
            yerr=[np.std(values) for values in found],
            label=name,
        )
    axes.set_xticks(range(len(records)), [g.split(", ", 1)[1] for g in records])
    axes.set(ylabel=f"test {step}", ylim=(0.4 if not FLAGS.quick else 0, 1))
    figure.legend(frameon=False, fontsize="small", loc="outside lower center", ncols=2)
    return {"accuracies.png": figure}


if __name__ == "__main__":
    protocol.run(__file__, groups, measure, draw)
