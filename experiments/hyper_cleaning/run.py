"""Data hyper-cleaning: which labels are wrong? See README.md beside this."""

import json
import os
import pathlib

import keras
import numpy as np
from absl import app, flags
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score

from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    datasets,
    export_commentary,
    students,
    teachers,
)
from tfcommentaries.saving.manifest import to_json
from tfcommentaries.saving.replacing import write_text

FLAGS = flags.FLAGS
flags.DEFINE_string("data_dir", None, "TFDS data directory: MNIST, else digits.")
flags.DEFINE_string("run_dir", "runs/hyper_cleaning", "What is done is kept here.")
flags.DEFINE_integer("seeds", 5, "Splits, noise and commentaries.")
flags.DEFINE_bool("quick", False, "A few steps, to see that it runs.")

NOISE = 0.5
#: Inverse strength of the regression's penalty, the same for all conditions.
C = 0.1
THRESHOLD = 0.5  # where all weights start


def softmax_regression(shape):
    """The student that the commentary is learned with."""
    model = keras.Sequential(
        [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    model.compile(
        keras.optimizers.Adam(1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def learn(train, validation, seed):
    """Learns one weight per training example."""
    keras.utils.set_random_seed(seed)
    ids = np.arange(len(train.y), dtype="int32")
    weighting = ExampleWeighting(
        teachers.Table(len(ids)), curriculum=False, teacher_key="id", student_key="x"
    )
    validation_ids = np.zeros(len(validation.y), "int32")  # validation has no weights
    learner = CommentaryLearner(
        weighting,
        softmax_regression(train.x.shape[1:]),
        inner_steps=5 if FLAGS.quick else 50,
        seed=seed,
    )
    learner.compile(keras.optimizers.Adam(5e-2))
    learner.fit(
        ({"id": ids, "x": train.x}, train.y),
        ({"id": validation_ids, "x": validation.x}, validation.y),
        batch_size=len(ids) // 10,
        validation_batch_size=len(validation.y),
        epochs=1 if FLAGS.quick else 20,
        steps_per_epoch=2 if FLAGS.quick else 10,
        verbose=2,
    )
    return weighting, weighting({"id": ids, "x": train.x}).numpy()


def regress(examples, test):
    """Test accuracy of softmax regression, trained to its end."""
    model = LogisticRegression(C=C, max_iter=1000)
    model.fit(examples.x.reshape(len(examples.y), -1), examples.y)
    return model.score(test.x.reshape(len(test.y), -1), test.y)


def convolve(examples, test, seed):
    """Test accuracy of a CBR student after 300 steps."""
    keras.utils.set_random_seed(seed)
    model = students.cbr(examples.x.shape[1:], 10)
    model.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    order = np.random.default_rng(seed)
    for _ in range(10 if FLAGS.quick else 300):
        index = order.integers(0, len(examples.y), 64)
        model.train_on_batch(examples.x[index], examples.y[index])
    return model.evaluate(*test, batch_size=500, verbose=0)[1]


def join(*parts):
    """Examples of several sets."""
    return datasets.Examples(*(np.concatenate(p) for p in zip(*parts)))


def take(examples, index):
    """Some of the examples."""
    return datasets.Examples(examples.x[index], examples.y[index])


def measure(seed, run_dir):
    """Learns on one split and measures all conditions."""
    if FLAGS.data_dir is None:
        splits = datasets.load_digits(validation_size=600, test_size=597, seed=seed)
    else:
        splits = datasets.load_tfds("mnist", FLAGS.data_dir, 5000, 5000, seed=seed)
    clean, validation, test = splits[:3]
    labels, corrupted = datasets.corrupt_labels(clean.y, NOISE, 10, seed=seed)
    noisy = datasets.Examples(clean.x, labels)
    weighting, weights = learn(noisy, validation, seed)
    export_commentary(weighting, run_dir / f"weights-{seed}")
    kept = weights >= THRESHOLD
    shuffled = np.random.default_rng(seed).permutation(kept)
    conditions = {
        "oracle: correct labels": clean,
        "baseline: all noisy": noisy,
        "commentary: kept": take(noisy, kept),
        "as many at random": take(noisy, shuffled),
    }
    values = {}
    for name, examples in {"validation only": None, **conditions}.items():
        data = validation if examples is None else join(examples, validation)
        values[name] = {
            "accuracy": regress(data, test),
            "accuracy, CBR student": convolve(data, test, seed),
        }
    values["commentary: kept"] |= {
        "F1 of finding wrong labels": f1_score(corrupted, ~kept),
        "average precision": average_precision_score(corrupted, -weights),
        "part kept": kept.mean(),
    }
    print(f"seed {seed}:", values, flush=True)
    histogram = [
        np.histogram(weights[group], 40, (0, 1))[0] for group in (~corrupted, corrupted)
    ]
    return {"values": values, "histogram": np.array(histogram)}


def draw(histograms):
    """Weights of rightly and wrongly labelled examples, all seeds."""
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    edges = np.linspace(0, 1, 41)
    names = "right labels", "wrong labels"
    for name, counts, color in zip(names, sum(histograms), ("#0072b2", "#d55e00")):
        axes.stairs(counts, edges, fill=True, alpha=0.6, color=color, label=name)
    axes.axvline(THRESHOLD, color="#444444", lw=1, ls=":")
    axes.set(xlabel="learned weight", ylabel="training examples")
    axes.legend(frameon=False)
    return figure


def main(_):
    """Measures what is missing, then writes results.json and the picture."""
    name = "digits" if FLAGS.data_dir is None else "mnist"
    run_dir = pathlib.Path(FLAGS.run_dir + ("-quick" if FLAGS.quick else "")) / name
    run_dir.mkdir(parents=True, exist_ok=True)
    found, histograms = {}, []
    for seed in range(1 if FLAGS.quick else FLAGS.seeds):
        file = run_dir / f"{seed}.json"
        if not file.exists():
            write_text(file, to_json(measure(seed, run_dir)))
        one = json.loads(file.read_text())
        histograms.append(np.array(one["histogram"]))
        for condition, metrics in one["values"].items():
            for metric, value in metrics.items():
                found.setdefault((condition, metric), []).append(value)
    rows = [
        {
            "condition": condition,
            "metric": metric,
            "mean": np.mean(values),
            "std": np.std(values, ddof=1) if len(values) > 1 else 0.0,
            "seeds": len(values),
        }
        for (condition, metric), values in found.items()
    ]
    here = run_dir if FLAGS.quick else pathlib.Path(__file__).parent
    write_text(here / f"results-{name}.json", to_json(rows))
    draw(histograms).savefig(here / f"weights-{name}.png", dpi=110)
    for row in rows:
        title = f"{row['condition']:<24} {row['metric']:<28}"
        print(f"{title}{row['mean']:.4f} ± {row['std']:.4f}")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    app.run(main)
