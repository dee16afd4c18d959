"""Computes what a commentary gains from what `evaluate` measured."""

import numpy as np

#: The most telling metrics, the best first; Keras's names.
_TELLING = "auc", "accuracy", "mae"
#: Metrics from 0 to 1, of which a hundredth is a point.
_SHARES = "auc", "accuracy"
#: Conditions that need to know what nobody knows in practice.
_ORACLES = ("good_sources_known",)


def main_metric(rows):
    """The metric to judge by: AUC, accuracy or mean absolute error, else the loss.

    Args:
        rows: from `evaluate`.
    """
    measured = {row["metric"] for row in rows}
    return next((name for name in _TELLING if name in measured), "loss")


def less_is_better(metric):
    """Whether a metric is an error, by its name: `loss`, `mae`, `..._error`."""
    errors = "loss", "mae", "mape", "mse", "msle", "rmse"
    return metric in errors or metric.endswith("_error")


def paired_gain(rows, condition, baseline, metric, step):
    """How much better one condition is than another, students paired by their seed.

    Args:
        rows: from `evaluate`.
        condition: name of the condition.
        baseline: name of the condition to compare with.
        metric: name of the metric.
        step: student step.

    Returns:
        `(mean, standard_error)` of the difference, above 0 where `condition` is better.
    """
    found = {
        row["condition"]: np.array(row["values"])
        for row in rows
        if row["metric"] == metric and row["student_step"] == step
    }
    difference = found[condition] - found[baseline]
    if less_is_better(metric):
        difference = -difference
    error = 0.0
    if len(difference) > 1:
        error = difference.std(ddof=1) / np.sqrt(len(difference))
    return float(difference.mean()), float(error)


def score_text(mean, std, metric):
    """A score and its standard deviation as text."""
    if metric in _SHARES:
        return f"{mean:.3f} ± {std:.3f}"
    return f"{mean:.4g} ± {std:.2g}"


def gain_text(mean, error, metric):
    """A gain and its standard error as text: in points of an accuracy or AUC."""
    if metric in _SHARES:
        return f"{100 * mean:+.1f} ± {100 * error:.1f}"
    return f"{mean:+.3g} ± {error:.2g}"


def unit(metric):
    """The unit of `gain_text`: `"points"`, or the metric itself."""
    return "points" if metric in _SHARES else f"in {metric}"


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


def beaten(rows, metric=None):
    """Which conditions a commentary beats at the end of training.

    A gain counts if it is more than two standard errors.

    Args:
        rows: from `evaluate`, with the conditions `commentary` and `plain` among them.
        metric: name of a metric; `None` takes `main_metric`.

    Returns:
        A list of names from `baselines`. A commentary helps if `plain` is among them.
    """
    metric = metric or main_metric(rows)
    step = max(row["student_step"] for row in rows)
    found = []
    for baseline in baselines(rows):
        mean, error = paired_gain(rows, "commentary", baseline, metric, step)
        if mean > 2 * error:
            found.append(baseline)
    return found


def verdict(rows, metric=None):
    """Says by how much a commentary helps, against the best alternative to it.

    Args:
        rows: as for `beaten`.
        metric: as for `beaten`.

    Returns:
        A text of a sentence or two.
    """
    metric = metric or main_metric(rows)
    steps = sorted({row["student_step"] for row in rows})

    def gain(baseline, step=steps[-1]):
        return paired_gain(rows, "commentary", baseline, metric, step)

    def text(baseline):
        return f"{gain_text(*gain(baseline), metric)} {unit(metric)}"

    if "plain" not in beaten(rows, metric):
        return (
            f"After {steps[-1]} steps there is no gain over plain training that could "
            f"be told from chance: {text('plain')}. Do not use this commentary."
        )
    others = [n for n in baselines(rows) if n not in _ORACLES and n != "plain"]
    if not others:
        return f"{text('plain')} over plain training after {steps[-1]} steps."
    best = min(others, key=lambda name: gain(name)[0])
    mean, error = gain(best)
    if mean < -2 * error:
        return (
            f"{text('plain')} over plain training after {steps[-1]} steps, but {best} "
            f"is better by {gain_text(-mean, error, metric)[1:]} {unit(metric)}: use "
            "that."
        )
    behind = [
        f"behind {name} at step {step}"
        for step in steps[:-1]
        for name in [min(others, key=lambda n: gain(n, step)[0])]
        if gain(name, step)[0] < -2 * gain(name, step)[1]
    ]
    return (
        f"{text(best)} over the best alternative ({best}) after {steps[-1]} steps"
        + (", which is no more than chance may give" if mean <= 2 * error else "")
        + f"; {text('plain')} over plain training"
        + (f"; {behind[-1]}." if behind else ".")
    )
