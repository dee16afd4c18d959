"""Learning what to teach inside `model.fit`. See README.md beside this."""

import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from experiments import protocol, student_training
from experiments.protocol import FLAGS
from tfcommentaries import (
    ExampleWeighting,
    ImplicitTraining,
    LearnCommentaryCallback,
    datasets,
    export_commentary,
    students,
    teachers,
)
from tfcommentaries.teaching import agreeing
from tfcommentaries.teaching.evaluation import TestAt

NOISE = 0.4
STEPS = 200, 1000
BATCH, WARMUP = 64, 32


def groups():
    """Data sets."""
    return ["mnist" if FLAGS.data_dir else "digits"]


def make_data(seed):
    """Training, validation and test examples, and which training labels are wrong."""
    if FLAGS.data_dir:
        splits = datasets.load_tfds("mnist", FLAGS.data_dir, 2000, 300, seed=seed)
    else:
        splits = datasets.load_digits(seed=seed)
    train, validation, test = splits[:3]
    labels, _ = datasets.corrupt_labels(train.y, NOISE, 10, seed=seed)
    noisy = datasets.Examples(train.x, labels)
    return noisy, validation, test, labels != train.y


def with_ids(examples):
    """Examples as a table of weights sees them."""
    ids = np.arange(len(examples.y), dtype="int32")
    return datasets.Examples({"id": ids, "x": examples.x}, examples.y)


def fit(train, test, seed, learn=None):
    """Trains a student, perhaps learning a commentary at the same time.

    Args:
        train: `Examples`; their inputs may be a dict that `learn` has a commentary for.
        test: `Examples`.
        seed: of the initial weights and the order of examples.
        learn: `LearnCommentaryCallback` or `None`.

    Returns:
        As `student_training.by_step`.
    """
    keras.utils.set_random_seed(seed)
    student = student_training.make_student(students.cbr, test.x.shape[1:], 10)
    batches = tf.data.Dataset.from_tensor_slices(tuple(train))
    batches = batches.shuffle(len(train.y), seed=seed).repeat().batch(BATCH)
    tester = TestAt(
        protocol.fewer(STEPS, (5, 20)),
        lambda step: {"accuracy": student_training.accuracy(student, test)},
    )
    callbacks = [tester] if learn is None else [learn, tester]
    student.fit(
        batches, steps_per_epoch=tester.steps[-1], callbacks=callbacks, verbose=0
    )
    return student_training.by_step(tester.found)


def measure(group, seed, folder):
    """A student that learns its own weights, and students that get them."""
    noisy, validation, test, wrong = make_data(seed)
    table = ExampleWeighting(
        teachers.Table(len(noisy.y)),
        teacher_key="id",
        student_key="x",
    )
    network = ExampleWeighting(num_classes=10, curriculum=True)
    one_each = LearnCommentaryCallback(
        table,
        # Validation examples have no weights.
        tuple(with_ids(validation)),
        optimizer=keras.optimizers.Adam(0.3),
        # One Neumann product, the default when the figures were measured.
        inner_training=ImplicitTraining(),
        validation_batch_size=len(validation.y),
        warmup=WARMUP,
    )
    seeing = LearnCommentaryCallback(
        network,
        tuple(validation),
        optimizer=keras.optimizers.Adam(1e-3),
        inner_training=ImplicitTraining(),
        validation_batch_size=len(validation.y),
        warmup=WARMUP,
    )
    both = protocol.join(noisy, validation)
    kept = agreeing(
        lambda: student_training.make_student(students.cbr, test.x.shape[1:], 10),
        validation,
        noisy,
        protocol.fewer(STEPS[0], 5),
        BATCH,
        2000 + seed,
    )
    filtered = protocol.join(protocol.take(noisy, kept), validation)
    values = {
        "plain": fit(noisy, test, seed),
        "plain, validation data added": fit(both, test, seed),
        "plain, validation data only": fit(validation, test, seed),
        "plain, validation data and what agrees": fit(filtered, test, seed),
        "one weight per example": fit(with_ids(noisy), test, seed, one_each),
        "a network that sees image and label": fit(noisy, test, seed, seeing),
    }
    export_commentary(table, folder / "table")
    export_commentary(network, folder / "network")
    weights = table(with_ids(noisy).x).numpy()
    seen = student_training.in_batches(
        lambda i: network(noisy.x[i], y=noisy.y[i], progress=1.0),
        np.arange(len(noisy.y)),
    )
    for name, found in (
        ("one weight per example", weights),
        ("a network that sees image and label", seen),
    ):
        values[name] |= {
            "mean weight of right labels": found[~wrong].mean(),
            "mean weight of wrong labels": found[wrong].mean(),
            "area under the curve of telling them apart": roc_auc_score(~wrong, found),
        }
    weights /= weights.mean()
    generator = np.random.default_rng(seed)
    conditions = {
        "plain": (noisy, None, None),
        "plain, validation data added": (both, None, None),
        "plain, validation data only": (validation, None, None),
        "plain, validation data and what agrees": (filtered, None, None),
        "the learned weights": (noisy, None, weights),
        "the learned weights, shuffled": (noisy, None, generator.permutation(weights)),
        "random weights": (
            noisy,
            None,
            generator.uniform(0, 2, len(weights)).astype("float32"),
        ),
    }
    steps = protocol.fewer(STEPS, (5, 20))
    networks = {
        "new student": students.cbr,
        "transfer: few-shot net": students.few_shot_net,
    }
    for student, architecture in protocol.first(networks):
        for name, found in student_training.accuracies(
            architecture, conditions, test, steps, 1000 + seed
        ).items():
            values[f"{name} ({student})"] = found
    return {"values": values}


if __name__ == "__main__":
    protocol.run(__file__, groups, measure, seeds=2)
