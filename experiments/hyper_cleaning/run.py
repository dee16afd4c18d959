"""Data hyper-cleaning: which labels are wrong? See README.md beside this."""

import keras
import numpy as np
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score, log_loss

from experiments import protocol, student_training
from experiments.protocol import FLAGS
from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    ImplicitTraining,
    UnrolledTraining,
    datasets,
    export_commentary,
    students,
    teachers,
)
from tfcommentaries.hypergradients import solvers

NOISE = 0.5
#: Inverse strength of the regression's penalty, the same for all conditions.
C = 0.1
#: Below one of these an example is dropped; validation examples say which.
THRESHOLDS = np.linspace(0.1, 0.9, 9)


def softmax_regression(shape, size):
    """The student that the commentary is learned with.

    It has the penalty of `regress` on as many examples, so that weights are learned
    for what is trained with them, and so that it has a minimum.
    """
    model = keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Flatten(),
            keras.layers.Dense(
                10, kernel_regularizer=keras.regularizers.L2(0.5 / (C * size))
            ),
        ]
    )
    model.compile(
        keras.optimizers.Adam(1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def learn(train, validation, how, seed):
    """Learns one weight per training example."""
    keras.utils.set_random_seed(seed)
    size = len(train.y)
    ids = np.arange(size, dtype="int32")
    weighting = ExampleWeighting(
        teachers.Table(size), teacher_key="id", student_key="x"
    )
    validation_ids = np.zeros(len(validation.y), "int32")  # validation has no weights
    if how == "unrolled":
        options = {"inner_training": UnrolledTraining(), "inner_steps": 50}
    else:
        # All examples in each batch: only those of the last one get a gradient.
        solver = solvers.ConjugateGradient(iterations=10, damping=1e-2)
        options = {
            "inner_training": ImplicitTraining(solver=solver),
            "inner_steps": 10,
            "student_initialization": "continue",
        }
    learner = CommentaryLearner(
        weighting, softmax_regression(train.x.shape[1:], size), seed=seed, **options
    )
    learner.compile(keras.optimizers.Adam(5e-2))
    learner.fit(
        ({"id": ids, "x": train.x}, train.y),
        ({"id": validation_ids, "x": validation.x}, validation.y),
        batch_size=size // 10 if how == "unrolled" else size,
        validation_batch_size=len(validation.y),
        epochs=protocol.fewer(20, 1),
        steps_per_epoch=protocol.fewer(10, 2),
        verbose=2,
    )
    return weighting, weighting({"id": ids, "x": train.x}).numpy()


def regress(examples):
    """Softmax regression, trained to its end."""
    model = LogisticRegression(C=C, max_iter=1000)
    return model.fit(flat(examples), examples.y)


def flat(examples):
    """Images as vectors."""
    return examples.x.reshape(len(examples.y), -1)


def confidence(noisy, validation):
    """What a regression on the validation examples thinks of each noisy label."""
    probabilities = regress(validation).predict_proba(flat(noisy))
    return probabilities[np.arange(len(noisy.y)), noisy.y]


def choose_threshold(noisy, weights, validation):
    """The threshold whose kept examples, alone, teach validation labels best.

    It needs no truth about the training labels.
    """
    losses = []
    for threshold in THRESHOLDS:
        kept = protocol.take(noisy, weights >= threshold)
        if len(np.unique(kept.y)) < 10:
            losses.append(np.inf)
            continue
        probabilities = regress(kept).predict_proba(flat(validation))
        losses.append(log_loss(validation.y, probabilities, labels=range(10)))
    return THRESHOLDS[np.argmin(losses)]


def groups():
    """Data sets."""
    return ["mnist" if FLAGS.data_dir else "digits"]


def measure(group, seed, folder):
    """Learns on one split and measures all conditions."""
    if FLAGS.data_dir is None:
        splits = datasets.load_digits(validation_size=600, test_size=597, seed=seed)
    else:
        splits = datasets.load_tfds("mnist", FLAGS.data_dir, 5000, 5000, seed=seed)
    clean, validation, test = splits[:3]
    labels, corrupted = datasets.corrupt_labels(clean.y, NOISE, 10, seed=seed)
    noisy = datasets.Examples(clean.x, labels)
    conditions = {
        "validation only": validation,
        "all labels right": protocol.join(clean, validation),
        # The published oracle: as much as dropping wrong labels can give.
        "oracle: right labels only": protocol.join(
            protocol.take(clean, ~corrupted), validation
        ),
        "baseline: all noisy": protocol.join(noisy, validation),
    }
    found, histograms, kept = {}, {}, {}
    scores = {"kept by a regression on validation data": confidence(noisy, validation)}
    for how in ("unrolled", "implicit"):
        weighting, weights = learn(noisy, validation, how, seed)
        export_commentary(weighting, folder / f"weights-{how}")
        scores[f"kept by the commentary, {how}"] = weights
        histograms[how] = [
            np.histogram(weights[group], 40, (0, 1))[0]
            for group in (~corrupted, corrupted)
        ]
    for name, score in scores.items():
        threshold = choose_threshold(noisy, score, validation)
        kept[name] = score >= threshold
        found[name] = {
            "F1 of finding wrong labels": f1_score(corrupted, ~kept[name]),
            "average precision": average_precision_score(corrupted, -score),
            "part kept": kept[name].mean(),
            "threshold": threshold,
        }
    for how in histograms:
        shuffled = np.random.default_rng(seed).permutation(
            kept[f"kept by the commentary, {how}"]
        )
        kept[f"as many at random, {how}"] = shuffled
    for name, some in kept.items():
        conditions[name] = protocol.join(protocol.take(noisy, some), validation)
    values = {
        name: {
            "accuracy": regress(examples).score(flat(test), test.y),
            **found.get(name, {}),
        }
        for name, examples in conditions.items()
    }
    trained = student_training.accuracies(
        students.cbr,
        {name: (examples, None, None) for name, examples in conditions.items()},
        test,
        protocol.fewer((300,), (5, 20)),
        seed,
    )
    for name, ones in trained.items():
        values[name] |= {f"CBR student, {k}": v for k, v in ones.items()}
    return {"values": values, "histograms": histograms}


def draw(records, run_dir):
    """Weights of rightly and wrongly labelled examples, all seeds."""
    figure = Figure(figsize=(4, 6), layout="constrained")
    edges = np.linspace(0, 1, 41)
    colors = {"right labels": "#0072b2", "wrong labels": "#d55e00"}
    (ones,) = records.values()
    for axes, how in zip(figure.subplots(2), ("unrolled", "implicit")):
        counts = np.sum([one["histograms"][how] for one in ones], 0)
        for (name, color), part in zip(colors.items(), counts):
            axes.stairs(part, edges, fill=True, alpha=0.6, color=color, label=name)
        axes.axvline(0.5, color="#444444", lw=1, ls=":")  # where they start
        axes.set(title=how, xlabel="learned weight", ylabel="training examples")
    axes.legend(frameon=False)
    return {"weights.png": figure}


if __name__ == "__main__":
    protocol.run(__file__, groups, measure, draw)
