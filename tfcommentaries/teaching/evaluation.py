"""Measures what a commentary gains, on students it has not seen."""

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.students import FunctionalStudent
from tfcommentaries.teaching.dataset import teach


def evaluate(
    student, conditions, test, steps, every, seeds, batch_size, on_seed=lambda _: None
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
        every: test each time so many steps are done; `steps` is a multiple.
        seeds: number of students per condition.
        batch_size: of training.
        on_seed: called with a text after each student.

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
    student = FunctionalStudent(student)
    model = student.model
    first_x, first_y, _ = next(iter(conditions.values()))
    student.build(first_x[:2], first_y[:2])
    model.optimizer.build(model.trainable_variables)
    fresh = [v.numpy() for v in model.optimizer.variables]
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
                validation_data=test,
                validation_batch_size=1024,
                shuffle=False,
                verbose=0,
            ).history
            for metric, curve in history.items():
                if metric.startswith("val_"):
                    for number, value in enumerate(curve):
                        key = name, (number + 1) * every, metric.removeprefix("val_")
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


def mean_and_std(values):
    """What is said of one number measured with several seeds.

    Args:
        values: list of numbers, one per seed.

    Returns:
        A dict `{"mean", "std", "seeds"}` with the sample standard deviation, 0 for
        one seed.
    """
    std = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(np.mean(values)), "std": std, "seeds": len(values)}


def paired_gain(rows, condition, baseline, metric, step):
    """The gain of one condition over another, students paired by their seed.

    Args:
        rows: from `evaluate`.
        condition: name of the condition.
        baseline: name of the condition to compare with.
        metric: name of the metric.
        step: student step.

    Returns:
        `(mean, standard_error)` of the difference.
    """
    found = {
        row["condition"]: np.array(row["values"])
        for row in rows
        if row["metric"] == metric and row["student_step"] == step
    }
    difference = found[condition] - found[baseline]
    error = 0.0
    if len(difference) > 1:
        error = difference.std(ddof=1) / np.sqrt(len(difference))
    return float(difference.mean()), float(error)


def baselines(rows):
    """Names of the conditions that a commentary is compared with.

    Those whose names begin with `commentary` are other ways to use it.

    Args:
        rows: from `evaluate`.

    Returns:
        A list of names, in order.
    """
    names = dict.fromkeys(row["condition"] for row in rows)
    return [name for name in names if not name.startswith("commentary")]


def beaten(rows, metric="accuracy"):
    """Which conditions a commentary beats at the end of training.

    A gain counts where it is more than two standard errors.

    Args:
        rows: from `evaluate`, with the conditions `commentary` and `plain` among them.
        metric: name of a metric of which more is better.

    Returns:
        A list of names, of `baselines`. A commentary helps if `plain` is among them.
    """
    step = max(row["student_step"] for row in rows)
    found = []
    for baseline in baselines(rows):
        mean, error = paired_gain(rows, "commentary", baseline, metric, step)
        if mean > 2 * error:
            found.append(baseline)
    return found


def verdict(rows, metric="accuracy"):
    """Says in a sentence or two whether a commentary helped; arguments of `beaten`."""
    step = max(row["student_step"] for row in rows)
    better = beaten(rows, metric)
    if "plain" not in better:
        return (
            f"After {step} steps there is no gain that could be told from chance (two "
            "standard errors). Do not use this commentary."
        )
    others = [name for name in baselines(rows) if name not in better]
    return (
        f"After {step} steps the commentary helps: better by more than two standard "
        f"errors than {', '.join(better)}"
        + (f"; not better than {', '.join(others)}." if others else ".")
    )


def _batches(x, y, commentary, steps, batch_size, seed):
    dataset = tf.data.Dataset.from_tensor_slices((x, y))
    dataset = dataset.shuffle(len(y), seed=seed).repeat().batch(batch_size)
    if commentary is None:
        # The same graph for every condition: a weight of one is none.
        return dataset.map(lambda x, y: (x, y, tf.ones([batch_size])))
    return teach(dataset, commentary, total_steps=steps)
