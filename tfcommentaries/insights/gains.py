"""Pictures of what commentaries gain."""

import itertools

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfcommentaries.insights.pictures import COLORS, plain_axes
from tfcommentaries.teaching.comparison import Comparison
from tfcommentaries.teaching.scores import less_is_better

#: For more baselines than `COLORS` are enough for (Tol's muted colours).
_FURTHER = "#882255", "#999933", "#332288", "#aa4499"


def condition_colors(conditions):
    """Colours by role: uses of a commentary blue, plain training grey, oracles black.

    Args:
        conditions: `Condition`s.

    Returns:
        A dict from a name to a colour.
    """
    blues, others = ("#0072b2", "#56b4e9"), [COLORS[i] for i in (1, 3, 4, 5)]
    of_role = {
        "ours": itertools.cycle(blues),
        "plain": itertools.repeat("#999999"),
        "baseline": itertools.cycle([*others, *_FURTHER]),
        "oracle": itertools.repeat("#000000"),
    }
    return {one.name: next(of_role[one.role]) for one in conditions}


def learning_curves(
    comparison: Comparison,
    metric: str | None = None,
    axes: Axes | None = None,
    named: bool = True,
) -> Figure:
    """Draws the scores of students during training, one line per condition.

    Args:
        comparison: a `Comparison`, from `tfcommentaries.teaching.evaluate`.
        metric: name of the metric; `None` takes `Comparison.metric`.
        axes: Matplotlib axes to draw on; `None` makes a figure.
        named: whether to name the lines below, in the order of their ends.

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
    if named:
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
            parse_math=False,
        )


def final_scores(
    comparison: Comparison, metric: str | None = None, axes: Axes | None = None
) -> Figure:
    """Draws the scores of students after training, one bar per condition.

    Args:
        comparison: as for `learning_curves`.
        metric: as for `learning_curves`.
        axes: as for `learning_curves`.

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
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    axes.set(title=f"New students, step {step}", xlabel=f"test {metric}")
    return figure
