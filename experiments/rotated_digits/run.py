"""Rotated digits: what do learned weights follow? See README.md beside this."""

import json
import os
import pathlib

import keras
import numpy as np
from absl import app, flags
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    UnrolledTraining,
    datasets,
    students,
)
from tfcommentaries.saving.manifest import to_json
from tfcommentaries.saving.replacing import write_text

FLAGS = flags.FLAGS
flags.DEFINE_string("data_dir", None, "TFDS data directory, for MNIST too.")
flags.DEFINE_string("run_dir", "runs/rotated_digits", "What is done is kept here.")
flags.DEFINE_integer("seeds", 5, "Commentaries learned per problem.")
flags.DEFINE_bool("quick", False, "A few steps, to see that it runs.")

#: Distance from the boundary, degrees, that counts as near it.
NEAR = {"overlapping": 20, "separated": 30}
#: Groups of ten outer steps; where classes overlap there is less to gain.
EPOCHS = {"overlapping": 20, "separated": 10}
PROGRESS = np.linspace(0, 1, 6)


def learn(splits, kind, seed):
    """Learns one commentary; gives the test examples' angles and weights."""
    keras.utils.set_random_seed(seed)
    data = datasets.load_rotated_digits(splits, kind, seed=seed)
    student = students.cbr((28, 28, 1), 2)
    student.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    commentary = ExampleWeighting()
    learner = CommentaryLearner(
        commentary,
        student,
        UnrolledTraining(eps_root=1e-20),
        inner_steps=5 if FLAGS.quick else 50,
        seed=seed,
    )
    learner.compile(keras.optimizers.Adam(1e-3))
    history = learner.fit(
        data.train,
        data.validation,
        batch_size=16,
        validation_batch_size=250,
        epochs=2 if FLAGS.quick else EPOCHS[kind],
        steps_per_epoch=1 if FLAGS.quick else 10,
        verbose=0,
    ).history
    # Of digits that the commentary has not seen.
    weights = [commentary(data.test.x, progress=p).numpy() for p in PROGRESS]
    return {
        "angles": data.angles[2],
        "weights": weights,
        "outer_loss": history["loss"],
    }


def results(kind, found):
    """Means near and far from the boundary, and rank correlations, per seed.

    At the start and at the end of training; weights are divided by their mean.
    """
    values = {}
    for one in found:
        distance = np.abs(one["angles"])
        near = distance < NEAR[kind]
        for point, when in ((0, "start"), (-1, "end")):
            weights = np.array(one["weights"][point])
            weights /= weights.mean()
            for metric, value in (
                ("near", weights[near].mean()),
                ("far", weights[~near].mean()),
                ("spearman", spearmanr(distance, weights).statistic),
            ):
                values.setdefault(f"{metric}, {when}", []).append(value)
    return values


def draw(all_found):
    """Weight against angle for each problem."""
    figure = Figure(figsize=(4.2 * len(all_found), 3.2), layout="constrained")
    for axes, ((name, kind), found) in zip(
        figure.subplots(1, len(all_found), squeeze=False)[0], all_found.items()
    ):
        edges = np.linspace(-60, 60, 25)
        for point, color in zip((0, -1), ("#0072b2", "#d55e00")):
            curves = []
            for one in found:
                weights = np.array(one["weights"][point])
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
            label = f"progress {PROGRESS[point]:.0f}"
            axes.plot(middle, mean, color=color, label=label)
            axes.fill_between(middle, mean - std, mean + std, color=color, alpha=0.2)
        axes.axvline(0, color="#999999", lw=0.8, ls=":")
        axes.set(title=f"{name}, {kind}", xlabel="angle (degrees); boundary at 0")
        axes.set_ylabel("weight / mean weight")
        axes.legend(frameon=False)
    return figure


def main(_):
    """Learns what is missing, then writes results.json and the picture."""
    run_dir = pathlib.Path(FLAGS.run_dir + ("-quick" if FLAGS.quick else ""))
    run_dir.mkdir(parents=True, exist_ok=True)
    sources = {"digits": datasets.load_digits()}
    if FLAGS.data_dir:
        sources["mnist"] = datasets.load_tfds("mnist", FLAGS.data_dir)
    seeds = 1 if FLAGS.quick else FLAGS.seeds
    rows, all_found = [], {}
    for name, splits in sources.items():
        for kind in datasets.rotated_digits.ANGLES:
            found = []
            for seed in range(seeds):
                file = run_dir / f"{name}-{kind}-{seed}.json"
                if not file.exists():
                    print(f"learning on {name}, {kind}, seed {seed}", flush=True)
                    write_text(file, to_json(learn(splits, kind, seed)))
                found.append(json.loads(file.read_text()))
            all_found[name, kind] = found
            for metric, values in results(kind, found).items():
                rows.append(
                    {
                        "condition": f"{name}, {kind}",
                        "metric": metric,
                        "mean": np.mean(values),
                        "std": np.std(values, ddof=1) if len(values) > 1 else 0.0,
                        "seeds": len(values),
                    }
                )
    here = run_dir if FLAGS.quick else pathlib.Path(__file__).parent
    write_text(here / "results.json", to_json(rows))
    draw(all_found).savefig(here / "weights.png", dpi=110)
    for row in rows:
        name = f"{row['condition']:<22} {row['metric']:<18}"
        print(f"{name}{row['mean']:+.3f} ± {row['std']:.3f}")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    app.run(main)
