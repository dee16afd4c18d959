"""Students of the experiments: how they are made, trained and tested."""

import functools

import keras
import numpy as np
import tensorflow as tf

from experiments.protocol import FLAGS, fewer, take
from tfcommentaries import CommentaryCallback, students
from tfcommentaries.students import FunctionalStudent

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


def restarting(model):
    """A function that makes a compiled, built model and its optimizer as they are now.

    Students that start alike are then one model, for which `fit` makes one graph.
    """
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    start = [v.numpy() for v in variables]

    def restart():
        for variable, value in zip(variables, start):
            variable.assign(value)

    return restart


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
    model = make_student(network, some.x.shape[1:], classes, **soft, **compiling)
    student = FunctionalStudent(model)
    student.build(some.x[:2], some.y[:2])
    student.assign(student.draw(f"test-{seed}"))
    restart = restarting(model)
    found = {}
    for name, (examples, commentary, sample_weight) in conditions.items():
        restart()
        parts = [*examples, sample_weight]
        parts = tuple(part for part in parts if part is not None)
        data = tf.data.Dataset.from_tensor_slices(parts)
        data = data.shuffle(len(examples.y), seed=seed).repeat().batch(batch_size)
        tester = TestAt(test, steps, untaught)
        callbacks = [tester]
        if commentary is not None:
            callbacks.append(CommentaryCallback(commentary))
        model.fit(
            data,
            steps_per_epoch=steps[-1],
            callbacks=callbacks,
            shuffle=False,
            verbose=0,
        )
        found[name] = tester.found
    return found


class TestAt(keras.callbacks.Callback):
    """Measures after given numbers of steps, within one epoch.

    `found` then holds the accuracy on test examples, and the mean of the training
    losses so far; with `untaught` examples also the accuracy once batch normalisation
    has seen those instead of what a commentary made of them.
    """

    def __init__(self, test, steps, untaught=None):
        super().__init__()
        self.test = take(test, slice(fewer(None, 500)))
        self.steps = steps
        self.untaught = untaught
        self.found = {}

    def on_train_batch_end(self, batch, logs=None):
        step = batch + 1
        if step not in self.steps:
            return
        self.found[f"accuracy, step {step}"] = self._accuracy()
        self.found[f"mean training loss, to step {step}"] = float(logs["loss"])
        if self.untaught is None:
            return
        state = self.model.non_trainable_variables
        before = [v.numpy() for v in state]
        data = tf.data.Dataset.from_tensor_slices(self.untaught.x)
        data = data.shuffle(len(self.untaught.x), seed=0).repeat().batch(64)
        for x in data.take(fewer(STATISTICS_BATCHES, 1)):
            self.model(x, training=True)
        self.found[f"accuracy with untaught statistics, step {step}"] = self._accuracy()
        for variable, value in zip(state, before):
            variable.assign(value)

    def _accuracy(self):
        outputs = in_batches(lambda x: self.model(x, training=False), self.test.x)
        labels = self.test.y.argmax(-1) if self.test.y.ndim > 1 else self.test.y
        return (outputs.argmax(-1) == labels).mean()
