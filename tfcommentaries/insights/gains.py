"""Pictures of what commentaries gain."""

import itertools

import numpy as np

from tfcommentaries.insights.pictures import plain_axes
from tfcommentaries.teaching.scores import less_is_better


def condition_colors(conditions):
    """Colours by role: uses of a commentary blue, plain training grey, oracles black.

    Args:
        conditions: `Condition`s.

    Returns:
        A dict from a name to a colour.
    """
    of_role = {
        "ours": ("#0072b2", "#56b4e9"),
        "plain": ("#999999",),
        "baseline": ("#d55e00", "#009e73", "#cc79a7", "#e69f00", "#8c564b", "#5e4fa2"),
        "oracle": ("#000000",),
    }
    of_role = {role: itertools.cycle(colors) for role, colors in of_role.items()}
    return {one.name: next(of_role[one.role]) for one in conditions}


def learning_curves(comparison, metric=None, axes=None):
    """Draws how well students do over training, one line per condition.

    Each line has its name at its end.

    Args:
        comparison: a `Comparison`, from `tfcommentaries.teaching.evaluate`.
        metric: name of the metric; `None` takes the most telling.
        axes: Matplotlib axes to draw on; `None` makes a figure.

    Returns:
        The Matplotlib figure.
    """
    figure, axes = plain_axes(axes)
    metric, steps = metric or comparison.metric, comparison.steps
    colors, ends = condition_colors(comparison.conditions), []
    for one in comparison.conditions:
        rows = [comparison.score(one, step, metric) for step in steps]
        mean, std = (np.array([getattr(r, n) for r in rows]) for n in ("mean", "std"))
        color, width = colors[one.name], 2.5 if one.role == "ours" else 1.2
        axes.plot(steps, mean, color=color, linewidth=width, label=one.name)
        axes.fill_between(steps, mean - std, mean + std, color=color, alpha=0.15, lw=0)
        ends.append((mean[-1], one, color))
    axes.set(
        title=f"New students (mean and std of {comparison.students})",
        xlabel="training step",
        ylabel=f"test {metric}",
    )
    _name_ends(axes, ends)
    return figure


def _name_ends(axes, ends):
    """Writes names beside the axes, where lines end, as far apart as they need."""
    low, high = axes.get_ylim()
    ends = sorted(ends, key=lambda end: end[0])
    places = (np.array([value for value, *_ in ends]) - low) / (high - low)
    gap = min(0.075, 1 / len(ends))
    for i in range(1, len(ends)):
        places[i] = max(places[i], places[i - 1] + gap)
    # All a little lower where the highest would be above the axes.
    most = 1 - gap * np.arange(len(ends))[::-1]
    for (_, one, color), place in zip(ends, np.minimum(places, most)):
        axes.annotate(
            one.name,
            (1.01, place),
            xycoords="axes fraction",
            color=color,
            fontsize="x-small",
            fontweight="bold" if one.role == "ours" else "normal",
            verticalalignment="center",
        )


def final_scores(comparison, metric=None, axes=None):
    """Draws how well students do at the end of training, one bar per condition.

    Args:
        comparison: as for `learning_curves`.
        metric: likewise.
        axes: likewise.

    Returns:
        The Matplotlib figure.
    """
    figure, axes = plain_axes(axes)
    metric, step = metric or comparison.metric, comparison.steps[-1]
    last = [comparison.score(one, metric=metric) for one in comparison.conditions]
    last = sorted(last, key=lambda row: row.mean, reverse=less_is_better(metric))
    colors = condition_colors(comparison.conditions)
    bars = axes.barh(
        [row.condition for row in last],
        [row.mean for row in last],
        xerr=[row.std for row in last],
        color=[colors[row.condition] for row in last],
    )
    form = ".4g" if less_is_better(metric) else ".3f"
    labels = [format(row.mean, form) for row in last]
    axes.bar_label(bars, labels, label_type="center", color="white", fontsize="small")
    axes.tick_params(axis="y", labelsize="small")
    axes.set(title=f"New students, step {step}", xlabel=f"test {metric}")
    return figure
