"""Few clean examples: what is a commentary worth, and what are they? See README.md."""

import keras
import numpy as np
import tensorflow as tf
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
    keras.utils.set_random_seed(seed)
    student = protocol.make_student(students.cbr, x.shape[1:], 10, optimizer)
    data = tf.data.Dataset.from_tensor_slices(tuple(examples))
    data = data.shuffle(len(examples.y), seed=seed).repeat().batch(BATCH)
    student.fit(data, steps_per_epoch=protocol.fewer(STEPS[-1], 5), verbose=0)
    return student.predict(x, batch_size=500, verbose=0).argmax(-1)


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
    transferred = {
        name: condition
        for name, condition in conditions.items()
        if not name.endswith((" only", "shuffled"))
    }
    for suffix, network, some in (
        ("", students.cbr, conditions),
        (" (transfer: few-shot net)", students.few_shot_net, transferred),
    ):
        for name, found in protocol.accuracies(
            network,
            some,
            test,
            protocol.fewer(STEPS, (5, 20)),
            1000 + seed,
            batch_size=BATCH,
            optimizer=optimizer,
        ).items():
            values.setdefault(name + suffix, {}).update(found)
    return {"values": values}


def draw(records, run_dir):
    """Accuracy by the number of clean examples."""
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    step = f"accuracy, step {protocol.fewer(STEPS[-1], 20)}"
    sizes = [int(group.removesuffix(" clean").split(", ")[1]) for group in records]
    curves = {
        "commentary, clean examples added": ("#0072b2", "-"),
        "commentary": ("#0072b2", "--"),
        "kept by cross-validated students, clean examples added": ("#009e73", "-"),
        "kept by a student of the clean examples, clean examples added": (
            "#009e73",
            "--",
        ),
        "clean examples added": ("#444444", "-"),
        "clean examples only": ("#444444", ":"),
    }
    for name, (color, style) in curves.items():
        found = np.array(
            [[one["values"][name][step] for one in ones] for ones in records.values()]
        )
        axes.errorbar(
            sizes,
            found.mean(1),
            found.std(1, ddof=min(1, found.shape[1] - 1)),
            color=color,
            ls=style,
            capsize=2,
            label=name,
        )
    axes.set_xscale("log")
    axes.set_xticks(sizes, map(str, sizes), minor=False)
    axes.minorticks_off()
    axes.set(xlabel="clean examples", ylabel=f"test {step}")
    axes.legend(frameon=False, fontsize=7)
    return {"accuracies.png": figure}


if __name__ == "__main__":
    protocol.run(__file__, groups, measure, draw)
