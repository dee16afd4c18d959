"""Rotated digits: what do learned weights follow? See README.md beside this."""

import keras
import numpy as np
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from experiments import protocol, student_training
from experiments.protocol import FLAGS
from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    datasets,
    export_commentary,
    students,
)
from tfcommentaries.commentaries import (
    ConstantWeighting,
    RandomWeighting,
    ShuffledWeighting,
)

#: Distance from the boundary, degrees, that counts as near it.
NEAR = {"overlapping": 20, "separated": 30}
#: Groups of ten outer steps; where classes overlap there is less to gain.
EPOCHS = {"overlapping": 20, "separated": 10}
INNER_STEPS, BATCH = 50, 16
#: Students are tested after as many steps as the weights were learned for, and later.
TEST_STEPS = 50, 200


def groups():
    """Source of the digits and kind of problem."""
    sources = ["digits", "mnist"] if FLAGS.data_dir else ["digits"]
    kinds = datasets.rotated_digits.ANGLES
    return [f"{source}, {kind}" for source in sources for kind in kinds]


def learn(data, seed):
    """Learns weights from image and progress."""
    commentary = ExampleWeighting(curriculum=True)
    learner = CommentaryLearner(
        commentary,
        student_training.make_student(students.cbr, (28, 28, 1), 2),
        inner_steps=protocol.fewer(INNER_STEPS, 5),
        seed=seed,
    )
    learner.compile(keras.optimizers.Adam(1e-3))
    learner.fit(
        data.train,
        data.validation,
        batch_size=BATCH,
        validation_batch_size=250,
        epochs=protocol.fewer(EPOCHS[data.kind], 2),
        steps_per_epoch=protocol.fewer(10, 1),
        verbose=2,
    )
    return commentary


def measure(group, seed, folder):
    """One commentary: its weights of test examples by angle, and its students."""
    source, kind = group.split(", ")
    if source == "digits":
        splits = datasets.load_digits()
    else:
        splits = protocol.load_tfds("mnist")
    data = datasets.load_rotated_digits(splits, kind, seed=seed)
    commentary = learn(data, seed)
    export_commentary(commentary, folder / "weights", {"inner_steps": INNER_STEPS})
    weights = {
        when: commentary(data.test.x, progress=progress).numpy()
        for when, progress in (("start", 0.0), ("end", 1.0))
    }
    angles = data.angles[2]
    distance = np.abs(angles)
    near = distance < NEAR[kind]
    values = {}
    for when, found in weights.items():
        one = found / found.mean()
        values[f"weights at the {when}"] = {
            "near the boundary": one[near].mean(),
            "far from it": one[~near].mean(),
            "rank correlation with distance": spearmanr(distance, one).statistic,
        }
    conditions = {
        "plain": (data.train, None, None),
        "plain, validation data added": (
            protocol.join(data.train, data.validation),
            None,
            None,
        ),
        "learned weights": (data.train, commentary, None),
        "shuffled weights": (data.train, ShuffledWeighting(commentary), None),
        "random weights": (data.train, RandomWeighting(), None),
        "constant weight": (data.train, ConstantWeighting(1.0), None),
    }
    steps = protocol.fewer(TEST_STEPS, (5, 20))
    networks = {"": students.cbr, " (transfer: few-shot net)": students.few_shot_net}
    for suffix, network in protocol.first(networks):
        for name, found in student_training.accuracies(
            network, conditions, data.test, steps, seed, BATCH
        ).items():
            values[name + suffix] = found
    return {"values": values, "angles": angles, "weights": weights}


def draw(records, run_dir):
    """Weight against angle, a picture for each problem."""
    return {
        f"weights-{group.replace(', ', '-')}.png": draw_one(group, found)
        for group, found in records.items()
    }


def draw_one(group, found):
    """Weight against angle, mean over the records of a problem."""
    figure = Figure(figsize=(4.2, 3.2), layout="constrained")
    axes = figure.subplots()
    edges = np.linspace(-60, 60, 25)
    for when, color in (("start", "#0072b2"), ("end", "#d55e00")):
        curves = []
        for one in found:
            weights = np.array(one["weights"][when])
            index = np.digitize(one["angles"], edges)
            curves.append(
                [
                    weights[index == i].mean() / weights.mean()
                    if (index == i).any()
                    else np.nan
                    for i in range(1, len(edges))
                ]
            )
        mean, std = np.mean(curves, 0), np.std(curves, 0)
        middle = (edges[1:] + edges[:-1]) / 2
        axes.plot(middle, mean, color=color, label=f"{when} of training")
        axes.fill_between(middle, mean - std, mean + std, color=color, alpha=0.2)
    axes.axvline(0, color="#999999", lw=0.8, ls=":")
    axes.set(title=group, xlabel="angle (degrees); boundary at 0")
    axes.set_ylabel("weight / mean weight")
    axes.legend(frameon=False)
    return figure


if __name__ == "__main__":
    protocol.run(__file__, groups, measure, draw)
