"""A curriculum of example weights on CIFAR-10. See README.md beside this."""

import functools

import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics.pairwise import cosine_similarity

from experiments import protocol, student_training
from experiments.protocol import FLAGS
from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    UnrolledTraining,
    datasets,
    export_commentary,
    students,
)
from tfcommentaries.commentaries import (
    ConstantWeighting,
    RandomWeighting,
    ShuffledWeighting,
)
from tfcommentaries.students import FunctionalStudent
from tfcommentaries.upstream.graph_rewrites import chosen_rewrites

INNER_STEPS = 100
STEPS = 100, 300, 1000
#: What may differ: how weights are scaled, and whether labels are right.
VARIANTS = {
    "": {},
    ", plain sigmoid": {"normalize": None},
    ", 40 % random labels": {"num_classes": 10},
}


def groups():
    """Data set, and what differs from the first group."""
    source = "cifar10" if FLAGS.data_dir else "digits"
    return [source + variant for variant in VARIANTS]


def make_data(group, seed):
    """The paper's split of CIFAR-10, or digits; perhaps with wrong training labels."""
    if FLAGS.data_dir is None:
        splits = datasets.load_digits(seed=seed)
    else:
        size = protocol.fewer(40000, 500)
        splits = datasets.load_tfds(
            "cifar10", FLAGS.data_dir, size, protocol.fewer(10000, 500), seed=seed
        )
    train, validation, test = splits[:3]
    if "random labels" in group:
        labels, _ = datasets.corrupt_labels(train.y, 0.4, 10, seed=seed)
        train = datasets.Examples(train.x, labels)
    return train, validation, test


def learn(train, validation, seed, **options):
    """Learns a curriculum; `options` are of the `ExampleWeighting`."""
    weighting = ExampleWeighting(curriculum=True, **options)
    learner = CommentaryLearner(
        weighting,
        student_training.make_student(students.cbr, train.x.shape[1:], 10),
        inner_steps=protocol.fewer(INNER_STEPS, 5),
        seed=seed,
    )
    learner.compile(keras.optimizers.Adam(1e-3))
    learner.fit(
        train,
        validation,
        batch_size=8,
        validation_batch_size=protocol.fewer(512, 100),
        epochs=protocol.fewer(10, 1),
        steps_per_epoch=protocol.fewer(10, 2),
        verbose=2,
    )
    return weighting


def agreement(
    train, validation, seed, batch_size=8, validation_size=512, fixed=False, **options
):
    """How alike hypergradients of different outer steps are, before any is taken.

    Args:
        train: `Examples`.
        validation: likewise.
        seed: integer.
        batch_size: of student steps.
        validation_size: of the batch for the outer loss.
        fixed: whether all students start from the same weights.
        **options: of the `ExampleWeighting`.

    Returns:
        Mean cosine of the hypergradients of all pairs of outer steps, which have
        other students, training and validation batches. 1 where one step says all, 0
        where there is nothing but noise.
    """
    student = FunctionalStudent(
        student_training.make_student(students.cbr, train.x.shape[1:], 10)
    )
    student.build(train.x[:2], train.y[:2])
    weighting = ExampleWeighting(curriculum=True, **options)
    weighting(train.x[:2], y=train.y[:2], progress=0.0)
    training = UnrolledTraining().bind(weighting, student)
    generator = np.random.default_rng(seed)
    steps = protocol.fewer(INNER_STEPS, 5)

    def draw(examples, *shape):
        rows = generator.choice(len(examples.y), shape)
        return protocol.take(examples, rows)

    @tf.function
    def hypergradient(weights, batches, batch):
        phi = [tf.convert_to_tensor(v) for v in weighting.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(phi)
            loss, _ = student.loss(training(phi, weights, batches), *batch)
        found = tape.gradient(loss, phi, unconnected_gradients="zero")
        return tf.concat([tf.reshape(g, [-1]) for g in found], 0)

    found = []
    with chosen_rewrites(student.model):
        for i in range(protocol.fewer(16, 2)):
            batches = tuple(draw(train, steps, batch_size))
            batch = tuple(draw(validation, protocol.fewer(validation_size, 100)))
            weights = student.draw(1000 * seed + (0 if fixed else i))
            found.append(hypergradient(weights, batches, batch).numpy())
    cosines = cosine_similarity(found)
    return cosines[np.triu_indices(len(found), 1)].mean()


def measure(group, seed, folder):
    """One curriculum and its students."""
    train, validation, test = make_data(group, seed)
    variant = group.removeprefix(group.split(",")[0])
    weighting = learn(train, validation, seed, **VARIANTS[variant])
    export_commentary(weighting, folder / "weighting", {"inner_steps": INNER_STEPS})
    # Of training examples as they are, at three points of training.
    found = [
        student_training.in_batches(
            lambda i, p=p: weighting(train.x[i], y=train.y[i], progress=p),
            np.arange(len(train.y))[:2000],
        )
        for p in (0.0, 0.5, 1.0)
    ]
    # Weights that are divided by their mean have a mean of 1.
    mean = 1.0 if weighting.normalize else float(np.mean(found))
    conditions = {
        "plain": (train, None, None),
        "plain, validation data added": (protocol.join(train, validation), None, None),
        "learned weights": (train, weighting, None),
        "shuffled weights": (train, ShuffledWeighting(weighting), None),
        "random weights": (train, RandomWeighting(mean), None),
        "constant weight": (train, ConstantWeighting(mean), None),
    }
    values = {}
    for batch_size, steps in protocol.first({8: (100,), 64: STEPS}):
        steps = protocol.fewer(steps, (5, 20))
        for name, ones in student_training.accuracies(
            students.cbr, conditions, test, steps, seed, batch_size
        ).items():
            for metric, value in ones.items():
                key = f"{metric} of batch {batch_size}"
                values.setdefault(name, {})[key] = value
    few = {k: conditions[k] for k in ("plain", "learned weights", "shuffled weights")}
    narrow = functools.partial(students.resnet18, width=protocol.fewer(16, 4))
    steps = protocol.fewer((200,), (2,))
    for name, ones in student_training.accuracies(
        narrow, dict(protocol.first(few)), test, steps, seed
    ).items():
        values[f"{name} (transfer: narrow ResNet-18)"] = ones
    names = "start", "middle", "end"
    values["learned weights"] |= {
        f"relative spread of weights, {when}": one.std() / one.mean()
        for when, one in zip(names, found)
    }
    values["learned weights"]["mean weight"] = np.mean(found)
    values["learned weights"]["mean cosine of hypergradients"] = agreement(
        train, validation, seed, **VARIANTS[variant]
    )
    return {"values": values}


if __name__ == "__main__":
    protocol.run(__file__, groups, measure, seeds=2)
