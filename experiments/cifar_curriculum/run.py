"""A curriculum of example weights on CIFAR-10. See README.md beside this."""

import functools

import keras

from experiments import protocol
from experiments.protocol import FLAGS
from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    datasets,
    export_commentary,
    students,
)
from tfcommentaries.commentaries import ConstantWeighting, ShuffledWeighting

INNER_STEPS = 100
STEPS = 100, 300, 1000


def groups():
    """Data sets."""
    return ["cifar10" if FLAGS.data_dir else "digits"]


def make_data(seed):
    """The paper's split of CIFAR-10, or digits."""
    if FLAGS.data_dir is None:
        return datasets.load_digits(seed=seed)
    size = protocol.fewer(40000, 500)
    return datasets.load_tfds(
        "cifar10", FLAGS.data_dir, size, protocol.fewer(10000, 500), seed=seed
    )


def learn(train, validation, seed):
    """Learns a curriculum."""
    weighting = ExampleWeighting()
    learner = CommentaryLearner(
        weighting,
        protocol.make_student(students.cbr, train.x.shape[1:], 10),
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


def measure(group, seed, folder):
    """One curriculum and its students."""
    splits = make_data(seed)
    train, validation, test = splits[:3]
    weighting = learn(train, validation, seed)
    export_commentary(weighting, folder / "weighting", {"inner_steps": INNER_STEPS})
    # Of training examples as they are, at three points of training.
    found = [
        protocol.in_batches(lambda x, p=p: weighting(x, progress=p), train.x[:2000])
        for p in (0.0, 0.5, 1.0)
    ]
    conditions = {
        "plain": (train, None, None),
        "plain, validation data added": (protocol.join(train, validation), None, None),
        "learned weights": (train, weighting, None),
        "shuffled weights": (train, ShuffledWeighting(weighting), None),
        "constant weight": (train, ConstantWeighting(1.0), None),
    }
    values = {}
    for batch_size, steps in ((8, (100,)), (64, STEPS)):
        steps = protocol.fewer(steps, (5, 20))
        for name, ones in protocol.accuracies(
            students.cbr, conditions, test, steps, seed, batch_size
        ).items():
            for metric, value in ones.items():
                key = f"{metric} of batch {batch_size}"
                values.setdefault(name, {})[key] = value
    few = {k: conditions[k] for k in ("plain", "learned weights", "shuffled weights")}
    narrow = functools.partial(students.resnet18, width=protocol.fewer(16, 4))
    steps = protocol.fewer((200,), (2,))
    for name, ones in protocol.accuracies(narrow, few, test, steps, seed).items():
        values[f"{name} (transfer: narrow ResNet-18)"] = ones
    names = "start", "middle", "end"
    values["learned weights"] |= {
        f"relative spread of weights, {when}": one.std() / one.mean()
        for when, one in zip(names, found)
    }
    return {"values": values}


if __name__ == "__main__":
    protocol.run(__file__, groups, measure)
