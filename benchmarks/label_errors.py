"""Which labels are wrong? A commentary's suspects against cleanlab's. See RESULTS.md.

Run it with `make bench-labels`, from the project's root. Both see the same noisy
training and clean validation examples and use the same student: the commentary is
learned with it; for confident learning five of them are trained, each on four fifths of
the training examples and on all validation examples, and asked about the last fifth.
"""

import tempfile

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags
from sklearn.metrics import average_precision_score, f1_score
from sklearn.model_selection import StratifiedKFold

from benchmarks.harness import ask, save, show
from tfcommentaries import CommentaryLearner, ExampleWeighting, datasets, students
from tfcommentaries.insights import suspected_labels
from tfcommentaries.teaching import mean_and_std

FLAGS = flags.FLAGS
flags.DEFINE_string("peers", ".venv-bench/bin/python", "Python that has cleanlab.")
flags.DEFINE_string("data_dir", None, "TFDS data directory, for MNIST too.")
flags.DEFINE_integer("seeds", 5, "Splits, noise and weights.")
flags.DEFINE_bool("quick", False, "One seed, a few steps, nothing written.")

NOISE = 0.4
#: Not the seeds of the demo, on whose labels the ranking was chosen.
FIRST_SEED = 10
STUDENT_STEPS = 300


def load(name, seed):
    """Splits of a data set, with which training labels are wrong."""
    if name == "digits":
        splits = datasets.load_digits(seed=seed)
    else:
        splits = datasets.load_tfds(name, FLAGS.data_dir, 3000, 500, seed=seed)
    labels, wrong = datasets.corrupt_labels(splits.train.y, NOISE, 10, seed=seed)
    return splits._replace(train=splits.train._replace(y=labels)), wrong


def make_student(shape):
    """The demo's student."""
    student = students.cbr(shape, 10)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    student.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    return student


def learn(splits, seed):
    """How bad a commentary, a curriculum, thinks each training label."""
    commentary = ExampleWeighting(num_classes=10, curriculum=True)
    student = make_student(splits.train.x.shape[1:])
    learner = CommentaryLearner(commentary, student, inner_steps=100, seed=seed)
    learner.compile(keras.optimizers.Adam(1e-3))
    epochs = 1 if FLAGS.quick else 10
    learner.fit(splits.train, splits.validation, epochs=epochs, verbose=0)
    suspects = suspected_labels(commentary, splits.train, 10)
    scores = np.empty(len(splits.train.y))
    scores[suspects.index] = suspects.score
    return scores


def cross_validate(splits, seed):
    """Probabilities of each training example's classes, by students without it."""
    train, validation = splits.train, splits.validation
    probabilities = np.empty((len(train.y), 10), "float32")
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    for seen, unseen in folds.split(train.x, train.y):
        student = make_student(train.x.shape[1:])
        x = np.concatenate([train.x[seen], validation.x])
        y = np.concatenate([train.y[seen], validation.y])
        data = tf.data.Dataset.from_tensor_slices((x, y))
        data = data.shuffle(len(y), seed=seed).repeat().batch(32)
        steps = 10 if FLAGS.quick else STUDENT_STEPS
        student.fit(data, steps_per_epoch=steps, verbose=0)
        logits = student.predict(train.x[unseen], batch_size=500, verbose=0)
        probabilities[unseen] = tf.nn.softmax(logits)
    return probabilities


def ask_cleanlab(labels, probabilities):
    """Cleanlab's scores, from an environment of its own."""
    with tempfile.TemporaryDirectory() as directory:
        source, target = f"{directory}/given.npz", f"{directory}/scores.npz"
        np.savez(source, labels=labels, probabilities=probabilities)
        ask(FLAGS.peers, "confident_learning", source, target)
        return dict(np.load(target))


def quality(scores, wrong):
    """How well scores tell wrong labels."""
    first = wrong[np.argsort(-scores, kind="stable")]
    count = wrong.sum()
    return {
        "average precision": average_precision_score(wrong, scores),
        "precision at 50": first[:50].mean(),
        "precision at the number of wrong labels": first[:count].mean(),
    }


def measure(name, seed):
    """`{ranking: {metric: number}}` for one split."""
    keras.utils.set_random_seed(seed)
    splits, wrong = load(name, seed)
    found = {"commentary": quality(learn(splits, seed), wrong)}
    probabilities = cross_validate(splits, seed)
    theirs = ask_cleanlab(splits.train.y, probabilities)
    issues = theirs.pop("found")
    for method, scores in theirs.items():
        found[f"cleanlab, {method}"] = quality(scores, wrong)
    found["cleanlab, find_label_issues"] = {"F1": f1_score(wrong, issues)}
    keras.backend.clear_session()
    return found


def main(_):
    """Measures, prints and saves label_errors.json."""
    rows = []
    for name in ["digits", "mnist"] if FLAGS.data_dir else ["digits"]:
        seeds = range(FIRST_SEED, FIRST_SEED + (1 if FLAGS.quick else FLAGS.seeds))
        ones = [measure(name, seed) for seed in seeds]
        for ranking, metrics in ones[0].items():
            for metric in metrics:
                values = mean_and_std([one[ranking][metric] for one in ones])
                row = {"data": name, "ranking": ranking, "metric": metric, **values}
                rows.append(row)
                show((name, ranking, metric), row)
    if not FLAGS.quick:
        save("label_errors.json", rows)


if __name__ == "__main__":
    app.run(main)
