"""Measures the gain of a commentary, on new students."""

import contextlib
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.commentaries.input_arrays import input_arrays
from tfcommentaries.optimizers.any_keras_optimizer import unbuilt_like
from tfcommentaries.students import FunctionalStudent
from tfcommentaries.teaching.commentary_callback import CommentaryCallback
from tfcommentaries.teaching.comparison import Comparison, Row
from tfcommentaries.teaching.conditions import Condition


def evaluate(
    student: keras.Model | Callable[[], keras.Model],
    conditions: Sequence[Condition],
    test: tuple | Callable[[keras.Model, Condition], dict],
    steps: int | Sequence[int],
    seeds: int | Sequence[int],
    batch_size: int,
    on_student: Callable[[str], None] = lambda _: None,
    tested_on_the_way: int | None = None,
) -> Comparison:
    """Trains fresh students under several conditions and tests them during training.

    A seed gives the same initial weights under every condition, and the same batches if
    the data are the same, so students can be compared in pairs. If training draws other
    random numbers, as blending does, call `keras.utils.set_random_seed` first to repeat
    a result.

    Example:

    >>> conditions = standard_conditions(commentary, (x, y), (x_checked, y_checked))
    >>> comparison = evaluate(model, conditions, (x_test, y_test), 500, 5, 32)
    >>> print(comparison.verdict().text)

    Args:
        student: a compiled `keras.Model`, or a function that makes one.
        conditions: `Condition`s; see `standard_conditions`.
        test: `(x, y)` or `(x, y, sample_weight)` arrays, on which the student's
            compiled metrics and its loss are measured; or a function from the trained
            model and its condition to a dict of metrics.
        steps: number of training steps of each student; or a list of the steps after
            which to test, ascending.
        seeds: number of students per condition, or a seed for each.
        batch_size: batch size of training.
        on_student: function that is called with a text after each student.
        tested_on_the_way: number of test examples, drawn at random, for the tests
            before the last step. `None` takes all examples. The test after the last
            step always takes all.

    Returns:
        A `Comparison`. Its metric `training_loss` is the mean loss up to that step.

    Raises:
        ValueError: if there are no conditions or seeds, a condition has no data, or
            steps do not ascend.
    """
    steps = [steps] if isinstance(steps, int) else list(steps)
    seeds = list(range(seeds) if isinstance(seeds, int) else seeds)
    conditions = tuple(conditions)
    if not steps or steps != sorted({*steps}) or steps[0] < 1:
        raise ValueError(f"`steps` must ascend from 1 or more. Received: steps={steps}")
    if not conditions or not seeds:
        raise ValueError("There must be at least one condition and one seed.")
    for condition in conditions:
        if condition.data is None:
            raise ValueError(
                f"The condition {condition.name!r} has no data to train on. Pass "
                "`data=(x, y)`."
            )
    student = _built(student, conditions[0])
    taught = (one.commentary.main_output for one in conditions if one.commentary)
    main = next(filter(None, taught), None)
    model = student.model
    # Several steps at once could pass one after which to test.
    executed = model.steps_per_execution
    model.steps_per_execution, model.train_function = 1, None
    restart = _restarting(model)
    draws = [student.draw(f"test-{seed}") for seed in seeds]
    if not callable(test):
        test = _arrays(test)
        drawn = _drawn(test, tested_on_the_way)
        # Made once: Keras would make a data set anew for every test of arrays.
        whole = _batches(test)
        some = whole if drawn is test else _batches(drawn)
    found: dict[tuple[str, int, str], list[float]] = {}
    for condition in conditions:

        def measure(step, condition=condition):
            if callable(test):
                return test(model, condition)
            data = whole if step == steps[-1] else some
            logs = model.evaluate(data, verbose=0, return_dict=True)
            # Of several outputs Keras names metrics by the output.
            return {name.removeprefix(f"{main}_"): v for name, v in logs.items()}

        with _teaching(condition.commentary) as teachers:
            for number, (seed, weights) in enumerate(zip(seeds, draws), 1):
                student.assign(weights)
                restart()
                tester = TestAt(steps, measure)
                callbacks = [tester, *teachers]
                _train(model, condition, batch_size, seed, steps[-1], callbacks)
                for step, metrics in tester.found.items():
                    for metric, value in metrics.items():
                        key = condition.name, step, metric
                        found.setdefault(key, []).append(float(value))
                on_student(f"student {number} of {len(seeds)}, {condition.name}")
    model.steps_per_execution, model.train_function = executed, None
    rows = tuple(
        Row(name, step, metric, tuple(values))
        for (name, step, metric), values in found.items()
    )
    return Comparison(conditions, rows)


def _train(model, condition, batch_size, seed, steps, callbacks):
    number = _number(condition.data)
    data = tf.data.Dataset.from_tensor_slices(_arrays(condition.data))
    data = data.shuffle(number, seed=seed).repeat().batch(batch_size)
    model.fit(
        data,
        steps_per_epoch=steps,
        callbacks=callbacks,
        shuffle=False,
        verbose=0,
    )


@contextlib.contextmanager
def _teaching(commentary):
    """Yields a list of the callback that teaches, if there is a commentary."""
    if commentary is None:
        yield []
        return
    callback = _TeachesOneAfterAnother(commentary)
    try:
        yield [callback]
    finally:
        callback.leave()


class _TeachesOneAfterAnother(CommentaryCallback):
    """Teaches students of one model in one graph, which is made for the first.

    A student that starts at other weights is all that may change between two `fit`s.
    """

    _trains = None

    def set_model(self, model):
        if self._trains is None:
            super().set_model(model)
        self._count_from_zero()
        self._step.assign(0)

    def _make_train_function(self, force=False):
        if self._trains is None:
            self._trains = super()._make_train_function(force)
        self.model.train_function = self._trains
        return self._trains

    def restore(self):
        """Leaves the model as it is until `leave`."""

    def leave(self):
        """Restores the model."""
        super().restore()


class TestAt(keras.callbacks.Callback):
    """Measures after given numbers of training steps, within the first epoch.

    Args:
        steps: ascending.
        measure: function from a number of steps to a dict of metrics.

    Attributes:
        found: dict from a number of steps to what was measured, and the mean of the
            training losses so far, `"training_loss"`.
    """

    def __init__(self, steps, measure):
        super().__init__()
        self.steps = steps
        self.measure = measure
        self.found = {}

    def on_train_batch_end(self, batch, logs=None):
        step = batch + 1
        if step not in self.steps:
            return
        # `evaluate` uses the metrics that training goes on with.
        variables = [v for metric in self.model.metrics for v in metric.variables]
        before = [v.numpy() for v in variables]
        loss = float(logs["loss"])
        self.found[step] = {**self.measure(step), "training_loss": loss}
        for variable, value in zip(variables, before):
            variable.assign(value)


def _built(student, condition):
    """A `FunctionalStudent` with all its variables and its optimizer's."""
    student = FunctionalStudent(student)
    x, y, *_ = tf.nest.map_structure(lambda part: part[:2], tuple(condition.data))
    commentary = condition.commentary
    if commentary is not None:
        x, y, _ = commentary.untaught((commentary.prepare(x), y))
    student.build(x, y)
    student.model.optimizer.build(student.model.trainable_variables)
    return student


def _restarting(model):
    """A function that makes the optimizer as it is before the first step."""
    fresh = optimizer = model.optimizer
    if int(optimizer.iterations):
        fresh = unbuilt_like(optimizer)
        fresh.build(model.trainable_variables)
    start = [v.numpy() for v in fresh.variables]

    def restart():
        for variable, value in zip(optimizer.variables, start, strict=True):
            variable.assign(value)

    return restart


def _drawn(test, number):
    """The test examples, or some if there are more than that."""
    if number is None or number >= _number(test):
        return test
    chosen = np.random.default_rng(0).permutation(_number(test))[:number]
    return tf.nest.map_structure(lambda part: part[chosen], test)


def _batches(test):
    """Test examples as a data set."""
    return tf.data.Dataset.from_tensor_slices(test).batch(1024)


def _arrays(data):
    """Inputs, labels and perhaps weights in the form that tf.data takes."""
    return tuple(input_arrays(part) for part in data if part is not None)


def _number(data):
    """How many examples arrays hold; labels may be of several outputs."""
    return len(tf.nest.flatten(data[1])[0])


def mean_and_std(values: Sequence[float]) -> dict[str, float]:
    """Summarizes one number measured with several seeds.

    Args:
        values: list of numbers, one per seed.

    Returns:
        A dict `{"mean", "std", "seeds"}` with the sample standard deviation, 0 for
        one seed.
    """
    std = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(np.mean(values)), "std": std, "seeds": len(values)}
