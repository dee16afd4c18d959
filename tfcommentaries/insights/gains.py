"""Pictures of what commentaries gain."""

import itertools

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfcommentaries.insights.pictures import COLORS, SMALL, plain_axes
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
    figure, axes = plain_axes(axes, 3 + 0.2 * len(comparison.conditions) * named)
    metric, steps = metric or comparison.metric, comparison.steps
    colors = condition_colors(comparison.conditions)
    lines, last = {}, {}
    for one in comparison.conditions:
        rows = [comparison.score(one, step, metric) for step in steps]
        mean, std = (np.array([getattr(r, n) for r in rows]) for n in ("mean", "std"))
        color, width = colors[one.name], 2.5 if one.role == "ours" else 1.2
        (lines[one.name],) = axes.plot(
            steps, mean, color=color, linewidth=width, label=one.name
        )
        axes.fill_between(steps, mean - std, mean + std, color=color, alpha=0.15, lw=0)
        last[one.name] = mean[-1]
    axes.set(
        title=f"New students (mean and std of {comparison.students})",
        xlabel="training step",
        ylabel=f"test {metric}",
    )
    if named:
        names = sorted(last, key=last.get, reverse=True)
        legend = axes.legend(
            [lines[name] for name in names],
            names,
            frameon=False,
            fontsize=SMALL,
            loc="upper left",
            bbox_to_anchor=(0, -0.2),
        )
        for text in legend.get_texts():
            text.set_parse_math(False)
    return figure


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
    metric, step = metric or comparison.metric, comparison.steps[-1]
    last = [comparison.score(one, metric=metric) for one in comparison.conditions]
    last = sorted(last, key=lambda row: row.mean, reverse=less_is_better(metric))
    figure, axes = plain_axes(axes, 1 + 0.4 * len(last))
    colors = condition_colors(comparison.conditions)
    places = np.arange(len(last))
    bars = axes.barh(
        places,
        [row.mean for row in last],
        0.45,
        xerr=[row.std for row in last],
        color=[colors[row.condition] for row in last],
    )
    form = ".4g" if less_is_better(metric) else ".3f"
    labels = [format(row.mean, form) for row in last]
    axes.bar_label(bars, labels, label_type="center", color="white", fontsize=SMALL)
    # Names above the bars leave these the whole width.
    axes.set_yticks(
        places + 0.26,
        [row.condition for row in last],
        ha="left",
        va="bottom",
        fontsize=SMALL,
        parse_math=False,
    )
    axes.tick_params(axis="y", length=0, pad=-2)
    axes.set_ylim(-0.5, len(last) - 0.2)
    axes.set(title=f"New students, step {step}", xlabel=f"test {metric}")
    return figure
