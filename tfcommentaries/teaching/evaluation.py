"""Measures what a commentary gains, on students it has not seen."""

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.optimizers import unbuilt_like
from tfcommentaries.students import FunctionalStudent
from tfcommentaries.teaching.dataset import teach


def evaluate(
    student,
    conditions,
    test,
    steps,
    every,
    seeds,
    batch_size,
    on_seed=lambda _: None,
    tested_on_the_way=None,
):
    """Trains fresh students under several conditions and tests them on the way.

    A seed gives the same initial weights and, where the data are the same, the
    same batches under every condition, so conditions can be compared in pairs.

    Args:
        student: a compiled `keras.Model`, or a function that makes one.
        conditions: dict from a name to `(x, y, commentary)`: the arrays to train
            on, and a `Commentary` or `None`.
        test: `(x, y)` arrays.
        steps: training steps of each student.
        every: steps between two tests; `steps` is a multiple of it.
        seeds: number of students per condition.
        batch_size: batch size of training.
        on_seed: called with a text after each student.
        tested_on_the_way: number of test examples, drawn at random, for all tests but
            the last of each student, which is on all. `None` takes all for all.

    Returns:
        A list of rows `{"condition", "student_step", "metric", "mean", "std",
        "seeds", "values"}`: mean and sample standard deviation over the students,
        and the value of each. Metrics are those the student was compiled with,
        and its loss.
    """
    if steps % every:
        raise ValueError(
            f"`steps` must be a multiple of `every`. Received: steps={steps}, "
            f"every={every}"
        )
    some = _drawn(test, tested_on_the_way)
    student = FunctionalStudent(student)
    model = student.model
    x, y, commentary = next(iter(conditions.values()))
    x = tf.nest.map_structure(lambda t: t[:2], x)
    if commentary is not None:
        x = commentary.student_inputs(commentary.prepare(x))
    student.build(x, y[:2])
    model.optimizer.build(model.trainable_variables)
    fresh = model.optimizer
    if int(fresh.iterations):
        fresh = unbuilt_like(fresh)
        fresh.build(model.trainable_variables)
    fresh = [v.numpy() for v in fresh.variables]
    values = {}
    for seed in range(seeds):
        weights = student.draw(f"evaluation-{seed}")
        for name, (x, y, commentary) in conditions.items():
            student.assign(weights)
            for variable, value in zip(model.optimizer.variables, fresh):
                variable.assign(value)
            keras.utils.set_random_seed(seed)
            history = model.fit(
                _batches(x, y, commentary, steps, batch_size, seed),
                steps_per_epoch=every,
                epochs=steps // every,
                validation_data=some,
                validation_batch_size=1024,
                shuffle=False,
                verbose=0,
            ).history
            curves = {
                metric.removeprefix("val_"): curve
                for metric, curve in history.items()
                if metric.startswith("val_")
            }
            if some is not test:
                last = model.evaluate(*test, 1024, verbose=0, return_dict=True)
                curves = {m: [*curve[:-1], last[m]] for m, curve in curves.items()}
            for metric, curve in curves.items():
                for number, value in enumerate(curve, 1):
                    key = name, number * every, metric
                    values.setdefault(key, []).append(float(value))
            on_seed(f"student {seed + 1} of {seeds}, {name}")
    return [
        {
            "condition": name,
            "student_step": step,
            "metric": metric,
            **mean_and_std(found),
            "values": found,
        }
        for (name, step, metric), found in values.items()
    ]


def _drawn(test, number):
    """The test examples, or some if there are more than that."""
    if number is None or number >= len(test[1]):
        return test
    chosen = np.random.default_rng(0).permutation(len(test[1]))[:number]
    return tf.nest.map_structure(lambda part: part[chosen], tuple(test))


def mean_and_std(values):
    """Summarizes one number measured with several seeds.

    Args:
        values: list of numbers, one per seed.

    Returns:
        A dict `{"mean", "std", "seeds"}` with the sample standard deviation, 0 for
        one seed.
    """
    std = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(np.mean(values)), "std": std, "seeds": len(values)}


def _batches(x, y, commentary, steps, batch_size, seed):
    dataset = tf.data.Dataset.from_tensor_slices((x, y))
    dataset = dataset.shuffle(len(y), seed=seed).repeat().batch(batch_size)
    if commentary is None:
        # The same graph for every condition: a weight of 1 changes nothing.
        return dataset.map(lambda x, y: (x, y, tf.ones([batch_size])))
    return teach(dataset, commentary, total_steps=steps)
