"""Students of the experiments: how they are made, trained and tested."""

import contextlib
import functools

import keras
import numpy as np
import tensorflow as tf

from experiments.protocol import FLAGS, fewer, take
from tfcommentaries import students
from tfcommentaries.teaching import Condition, evaluate

#: Of 64 examples; moving averages of momentum 0.9 have then forgotten all before.
STATISTICS_BATCHES = 60
#: How wide networks are with `--quick`.
_QUICK_FILTERS = {students.cbr: (4,), students.few_shot_net: 16}


def make_student(network, shape, num_classes, optimizer=None, soft_labels=False):
    """A compiled student that measures accuracy.

    Args:
        network: function `(shape, num_classes)` to a Keras model.
        shape: of one input.
        num_classes: number of classes.
        optimizer: function without arguments to a Keras optimizer; `None` is Adam
            with 1e-3.
        soft_labels: whether labels are distributions.
    """
    if FLAGS.quick and network in _QUICK_FILTERS:
        network = functools.partial(network, filters=_QUICK_FILTERS[network])
    model = network(shape, num_classes)
    losses = keras.losses
    loss = losses.CategoricalCrossentropy if soft_labels else None
    loss = loss or losses.SparseCategoricalCrossentropy
    optimizer = keras.optimizers.Adam(1e-3) if optimizer is None else optimizer()
    model.compile(optimizer, loss(from_logits=True), metrics=["accuracy"])
    return model


def in_batches(function, x, size=500):
    """Applies a function to pieces of an array; gives one array."""
    pieces = [x[i : i + size] for i in range(0, len(x), size)]
    return np.concatenate([tf.convert_to_tensor(function(p)).numpy() for p in pieces])


def accuracies(
    network,
    conditions,
    test,
    steps,
    seed,
    batch_size=64,
    untaught=None,
    **compiling,
):
    """Trains one student per condition, all from the same weights, and tests it.

    Args:
        network: function `(shape, num_classes)` to a Keras model.
        conditions: `{name: (examples, commentary, sample_weight)}`; the last two may
            be `None`. The first tells the shape and whether labels are distributions.
        test: `Examples` with labels of the same form.
        steps: student steps after which to test, ascending; the last is the whole
            training.
        seed: of the weights and of the order of the examples.
        batch_size: of training.
        untaught: `Examples` as they are without a commentary, to test with their
            statistics in batch normalisation too.
        **compiling: further arguments of `make_student`.

    Returns:
        `{condition: {"accuracy, step n": number, "mean training loss, to step n":
        number}}`, and with `untaught` "accuracy with untaught statistics, step n".
    """
    some = next(iter(conditions.values()))[0]
    classes = test.y.shape[1] if test.y.ndim > 1 else int(test.y.max()) + 1
    soft = {"soft_labels": test.y.ndim > 1}

    def measure(model, condition):
        found = {"accuracy": accuracy(model, test)}
        if untaught is not None:
            with untaught_statistics(model, untaught):
                found["accuracy with untaught statistics"] = accuracy(model, test)
        return found

    return by_condition(
        evaluate(
            make_student(network, some.x.shape[1:], classes, **soft, **compiling),
            [
                Condition(
                    name,
                    data=(*examples, *(() if weights is None else (weights,))),
                    commentary=commentary,
                )
                for name, (examples, commentary, weights) in conditions.items()
            ],
            measure,
            steps,
            [seed],
            batch_size,
        )
    )


def accuracy(model, test):
    """Accuracy of a model on test `Examples`; with `--quick` on some of them."""
    x, y = take(test, slice(fewer(None, 500)))
    outputs = in_batches(lambda x: model(x, training=False), x)
    return (outputs.argmax(-1) == (y.argmax(-1) if y.ndim > 1 else y)).mean()


@contextlib.contextmanager
def untaught_statistics(model, examples):
    """Context in which batch normalisation has seen examples as they are.

    Not what a commentary made of them.
    """
    state = model.non_trainable_variables
    before = [v.numpy() for v in state]
    data = tf.data.Dataset.from_tensor_slices(examples.x)
    data = data.shuffle(len(examples.x), seed=0).repeat().batch(64)
    for x in data.take(fewer(STATISTICS_BATCHES, 1)):
        model(x, training=True)
    yield
    for variable, value in zip(state, before):
        variable.assign(value)


def by_condition(comparison):
    """Means of a `Comparison` under the names of `results.json`."""
    found = {condition.name: {} for condition in comparison.conditions}
    for row in comparison.rows:
        found[row.condition].setdefault(row.step, {})[row.metric] = row.mean
    return {name: by_step(measured) for name, measured in found.items()}


def by_step(found):
    """What `TestAt` found, under the names of `results.json`."""
    return {
        f"mean training loss, to step {step}"
        if metric == "training_loss"
        else f"{metric}, step {step}": value
        for step, metrics in found.items()
        for metric, value in metrics.items()
    }
