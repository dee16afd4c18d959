"""Pictures of commentaries."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfcommentaries.commentaries.group_table import GroupTable
from tfcommentaries.typing import ArrayLike

#: Colours that people with colour blindness can tell apart (Okabe and Ito).
COLORS = (
    "#0072b2",
    "#d55e00",
    "#999999",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#000000",
)


#: Inches of a picture's width, so that its texts can be read on a phone.
WIDTH = 4
#: Points of small texts, likewise.
SMALL = 9
#: Bars of groups in a picture; of more, so many first and last ones are drawn.
_BARS, _ENDS = 40, 12
#: Rows between these, for a histogram of all.
_GAP = 6
#: Characters of a name.
_CHARACTERS = 80


def short(text, most=_CHARACTERS):
    """A text that is cut if it is long."""
    text = str(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def group_weights(
    table: GroupTable,
    notes: Mapping[str, str] | None = None,
    axes: Axes | None = None,
) -> Figure:
    """Draws the weight of each group as a bar, the largest on top.

    With more than 40 groups, it draws the first and the last six, and between them a
    histogram of all weights.

    Args:
        table: a `GroupTable`.
        notes: dict from a group's name to a remark about it.
        axes: Matplotlib axes to draw on; `None` makes a figure.

    Returns:
        The Matplotlib figure.
    """
    first, last = table.ends(_BARS if len(table) <= _BARS else _ENDS)
    shown = [*first, *last]
    names = list(map(short, first.names() + last.names()))
    if notes:
        beside = [notes.get(row["group"]) for row in shown]
        names = [f"{n}: {note}" if note else n for n, note in zip(names, beside)]
    # Rows between the first and the last, where others are left out.
    gap = _GAP if last else 0
    if axes is None:
        # Room for long names.
        width = max(WIDTH, 1.8 + 0.075 * max(map(len, names)))
        height = max(2.4, 0.26 * (len(shown) + gap) + 1)
        axes = Figure((width, height), layout="constrained").add_subplot()
    figure, axes = plain_axes(axes)
    known = {"trust": COLORS[0], "drop": COLORS[1]}
    known |= dict.fromkeys(("look at", "cannot tell"), COLORS[5])
    places = [i + (gap if i >= len(first) else 0) for i in range(len(shown))]
    for advice in dict.fromkeys(row["advice"] for row in shown):
        chosen = [i for i, row in enumerate(shown) if row["advice"] == advice]
        axes.barh(
            [places[i] for i in chosen],
            [shown[i]["weight"] for i in chosen],
            color=known.get(advice, "0.6"),
            label=advice,
        )
    sure = [i for i, row in enumerate(shown) if "high" in row]
    if sure:
        weight, low, high = (
            np.array([shown[i][key] for i in sure]) for key in ("weight", "low", "high")
        )
        axes.errorbar(
            weight,
            [places[i] for i in sure],
            xerr=[weight - low, high - weight],
            fmt="none",
            ecolor="0.2",
            capsize=2,
        )
    axes.set_yticks(places, names, fontsize=SMALL, parse_math=False)
    axes.invert_yaxis()
    axes.set(xlabel="weight of the source", xlim=(0, 1))
    if last:
        text = f"{len(table) - len(shown):,} more between; all weights:"
        axes.text(0.02, len(first), text, va="center", fontsize=SMALL)
        counts, edges = np.histogram(table.entries["weight"], 20, (0, 1))
        below = len(first) + gap - 1
        heights = counts / counts.max() * (gap - 2)
        axes.stairs(below - heights, edges, baseline=below, fill=True, color=COLORS[2])
    axes.legend(frameon=False, fontsize=SMALL, loc="lower right")
    return figure


def weights_over_progress(
    progress: ArrayLike,
    weights: np.ndarray,
    groups: Mapping[str, np.ndarray],
    axes: Axes | None = None,
) -> Figure:
    """Draws the mean weight of groups of examples over training.

    Args:
        progress: `(points,)`, 0 to 1.
        weights: `(points, examples)`.
        groups: dict from a name to a boolean mask `(examples,)`.
        axes: as for `group_weights`.

    Returns:
        The Matplotlib figure.
    """
    figure, axes = plain_axes(axes)
    colors: Iterable[Any] = COLORS
    if len(groups) > len(COLORS):
        colors = colormaps["tab20"](np.linspace(0, 1, len(groups)))
    for (name, mask), color in zip(groups.items(), colors):
        if mask.any():
            axes.plot(progress, weights[:, mask].mean(1), color=color, label=name)
    axes.set(
        title="Weights over training", xlabel="training progress", ylabel="mean weight"
    )
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=SMALL, ncols=2 if len(groups) > 5 else 1)
    return figure


def weight_distributions(weights, groups, noun):
    """Draws the distribution of weights in groups of examples, as boxes.

    Args:
        weights: `(examples,)`.
        groups: as for `weights_over_progress`.
        noun: what a group is, such as "class", or `None`.

    Returns:
        The Matplotlib figure.
    """
    figure, axes = plain_axes(None)
    axes.boxplot([weights[mask] for mask in groups.values()], showfliers=False)
    axes.set_xticks(range(1, len(groups) + 1), groups)
    axes.set(title="Weights at the end of training", xlabel=noun, ylabel="weight")
    axes.set_ylim(bottom=0)
    return figure


def weight_over_loss(losses, weights):
    """Draws weights that depend on the student's loss.

    Args:
        losses: `(points,)`.
        weights: `(points,)`.

    Returns:
        The Matplotlib figure.
    """
    figure, axes = plain_axes(None)
    axes.plot(losses, weights, color=COLORS[0])
    axes.set(
        title="Weight by loss", xlabel="student's loss on the example", ylabel="weight"
    )
    axes.set_ylim(bottom=0)
    return figure


def heat_map(matrix, xlabel, ylabel, label):
    """Draws a matrix.

    Args:
        matrix: `(rows, columns)`.
        xlabel: what the columns are.
        ylabel: what the rows are.
        label: what the values are.

    Returns:
        The Matplotlib figure.
    """
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(matrix, cmap="viridis")
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if max(matrix.shape) <= 20:
        axes.set_xticks(range(matrix.shape[1]))
        axes.set_yticks(range(matrix.shape[0]))
    figure.colorbar(image, label=label, shrink=0.8)
    return figure


def image_rows(rows):
    """Draws rows of images.

    Args:
        rows: dict from a title to images `(columns, height, width, channels)`, 0 to 1.

    Returns:
        The Matplotlib figure.
    """
    columns, height, width = next(iter(rows.values())).shape[:3]
    size = columns + 0.3, height / width * len(rows) + 0.2
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for (title, images), line in zip(rows.items(), grid):
        for axes, image in zip(line, images):
            axes.imshow(np.clip(image, 0, 1), cmap="gray", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
        line[0].set_ylabel(title)
    return figure


def single_image(image):
    """Draws one image and nothing else.

    Args:
        image: `(height, width, channels)`, 0 to 1.

    Returns:
        The Matplotlib figure.
    """
    figure = Figure(figsize=(1, image.shape[0] / image.shape[1]))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(np.clip(image, 0, 1), cmap="gray_r", vmin=0, vmax=1)
    axes.axis("off")
    return figure


def ranked_examples(
    x: np.ndarray,
    captions: Sequence[str],
    weights: np.ndarray,
    count: int = 4,
    figure: Figure | None = None,
) -> Figure:
    """Draws the examples with the largest and with the smallest weight.

    Args:
        x: images `(examples, height, width, channels)`, 0 to 1.
        captions: a text per example.
        weights: `(examples,)`.
        count: examples per row.
        figure: Matplotlib figure or subfigure to draw on; `None` makes one.

    Returns:
        The figure.
    """
    figure = figure or Figure(figsize=(1.05 * count, 3.4), layout="constrained")
    order = np.argsort(weights, kind="stable")
    count = min(count, len(order))
    grid = figure.subplots(2, count, squeeze=False)
    for row, (title, index) in enumerate(
        (("largest weights", order[::-1]), ("smallest weights", order))
    ):
        for axes, i in zip(grid[row], index):
            image = x[i]
            if image.shape[-1] == 1:
                axes.imshow(image[..., 0], cmap="gray_r", vmin=0, vmax=1)
            else:
                axes.imshow(np.clip(image, 0, 1))
            axes.set_title(f"{captions[i]}\n{weights[i]:.3f}", fontsize=SMALL)
            axes.axis("off")
        grid[row][0].text(
            -0.25,
            0.5,
            title,
            transform=grid[row][0].transAxes,
            rotation=90,
            va="center",
            ha="right",
            fontsize=SMALL,
        )
    return figure


def learning_history(history: Mapping[str, Any], axes: Axes | None = None) -> Figure:
    """Draws the outer loss and the hypergradient's norm over outer steps.

    Args:
        history: dict with lists `outer_step`, `loss`, `hypergradient_norm`.
        axes: as for `group_weights`.

    Returns:
        The Matplotlib figure.
    """
    figure, axes = plain_axes(axes)
    axes.plot(history["outer_step"], history["loss"], color=COLORS[0])
    axes.set(title="Learning the commentary", xlabel="outer step", ylabel="outer loss")
    axes.yaxis.label.set_color(COLORS[0])
    twin = axes.twinx()
    twin.plot(history["outer_step"], history["hypergradient_norm"], color=COLORS[1])
    twin.set_yscale("log")
    twin.set_ylabel("norm of the hypergradient", color=COLORS[1])
    twin.spines["top"].set_visible(False)
    return figure


def plain_axes(axes, height=3):
    """Figure and axes without a frame; makes them, of a height, if there are none."""
    if axes is not None:
        axes.spines[["top", "right"]].set_visible(False)
        return axes.figure, axes
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return plain_axes(figure.add_subplot())
