"""Pictures of each kind of commentary."""

import dataclasses
import itertools

import numpy as np
import tensorflow as tf

from tfcommentaries.insights import pictures
from tfcommentaries.teaching import annotate

#: Progress at which curricula are evaluated.
POINTS = np.linspace(0, 1, 11)


@dataclasses.dataclass(frozen=True)
class View:
    """One picture and what it shows.

    Attributes:
        name: short, fit for a file name.
        title: a heading.
        text: what the picture shows, in words and numbers.
        figure: a Matplotlib figure.
    """

    name: str
    title: str
    text: str
    figure: object


def views(commentary, examples):
    """Draws what a commentary says about some examples.

    Args:
        commentary: a `Commentary`, also one that was exported.
        examples: `Examples` with integer labels; a few hundred are enough.

    Returns:
        A list of `View`, empty for an unknown kind.
    """
    if commentary.kind == "loss_weighting":
        return _over_loss(commentary)
    if commentary.kind == "group_weighting":
        return _sources(commentary.table())
    progress = POINTS if commentary.uses_progress else POINTS[-1:]
    annotations = annotate(commentary, examples, progress)
    applying = getattr(commentary, "applying", commentary)
    return _views_of(applying, annotations, examples, progress, commentary.table())


def _views_of(commentary, annotations, examples, progress, table=None):
    if commentary.kind == "group_weighting":
        return _sources(table)
    x = commentary.student_inputs(examples.x)
    examples = examples._replace(x=x)
    if commentary.kind == "composition":
        pieces = zip(*(commentary.split(one) for one in annotations))
        found = []
        for number, (part, piece) in enumerate(zip(commentary.commentaries, pieces), 1):
            for view in _views_of(part, np.stack(piece), examples, progress, table):
                name, title = f"{number}-{view.name}", f"Part {number}: {view.title}"
                found.append(dataclasses.replace(view, name=name, title=title))
        return found
    draw = {
        "example_weighting": _weights,
        "element_weighting": _weights_of_elements,
        "label_blending": _blending,
        "soft_labels": _targets,
        "auxiliary_targets": _targets,
        "attention_mask": _masks,
    }.get(commentary.kind)
    return draw(commentary, annotations, examples, progress) if draw else []


def _sources(table):
    if table is None:
        return []  # As a file may say.
    found = {}
    for row in table:
        found.setdefault(row["advice"], []).append(pictures.short(row["group"]))
    parts = [f"{advice}: {_few(names)}" for advice, names in found.items()]
    text = table.doubt or "; ".join(parts) + "."
    return [
        View(
            "sources",
            "Sources",
            f"{text[0].upper()}{text[1:]} Weights go from {table[-1]['weight']:.2f} "
            f"to {table[0]['weight']:.2f}; a source is trusted if it has at "
            "least half of the largest weight.",
            pictures.group_weights(table),
        )
    ]


def _few(names, most=12):
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _weights(commentary, annotations, examples, progress):
    last = annotations[-1]
    noun, groups = _by_label(examples.y)
    means = {name: last[mask].mean() for name, mask in groups.items()}
    low, high = min(means, key=means.get), max(means, key=means.get)
    small = (last < 0.1 * last.max()).mean()
    found = [
        View(
            "weights",
            f"Weights by {noun}",
            f"At the end of training weights go from {last.min():.3f} to "
            f"{last.max():.3f}; {small:.0%} of the examples have less than a tenth of "
            f"the largest. The mean is smallest for {noun} {low} ({means[low]:.3f}) "
            f"and largest for {noun} {high} ({means[high]:.3f}).",
            pictures.weight_distributions(last, groups),
        )
    ]
    if len(progress) > 1:
        change = annotations[-1].mean() - annotations[0].mean()
        found.append(
            View(
                "weights_over_progress",
                "Weights over training",
                f"The mean weight goes from {annotations[0].mean():.3f} at the "
                f"beginning of training to {annotations[-1].mean():.3f} at the end "
                f"({change:+.3f}).",
                pictures.weights_over_progress(progress, annotations, groups),
            )
        )
    if are_images(examples.x):
        captions = [f"label {label}" for label in examples.y]
        found.append(
            View(
                "examples",
                "Examples with the largest and the smallest weights",
                "Above those that a student is taught most with, below those that it "
                "is kept from, at the end of training.",
                pictures.ranked_examples(examples.x, captions, last),
            )
        )
    return found


def _by_label(y):
    """What labels are called, and which examples have each, or a range of numbers."""
    if y.dtype.kind != "f" or (y == y.round()).all():
        return "class", {str(label): y == label for label in np.unique(y)}
    # Four ranges with about as many examples each.
    edges = np.unique(np.quantile(y, [0, 0.25, 0.5, 0.75, 1]))
    place = np.searchsorted(edges[1:-1], y, side="right")
    return "label", {
        f"{low:.4g} to {high:.4g}": place == i
        for i, (low, high) in enumerate(itertools.pairwise(edges))
    }


def _weights_of_elements(commentary, annotations, examples, progress):
    """For steps or pixels; labels are `(examples, ...)`, or with an axis of classes."""
    y = np.asarray(examples.y)
    if y.ndim > annotations.ndim - 1:
        y = y.argmax(-1) if y.shape[-1] > 1 else y[..., 0]
    # All in one row, as if each were an example.
    rows = annotations.reshape(len(annotations), -1)
    elements = examples._replace(x=None, y=y.ravel())
    found = _weights(commentary, rows, elements, progress)
    if are_images(examples.x):
        last = annotations[-1][:8, ..., None]
        labels = y[:8, ..., None] / max(1, y.max())
        found.append(
            View(
                "pixels",
                "Where in an image labels count",
                "At the end of training. Rows: the image, the label of each pixel, its "
                "weight (white counts most).",
                pictures.image_rows(
                    {
                        "image": examples.x[:8],
                        "label": labels,
                        "weight": last / last.max(),
                    }
                ),
            )
        )
    return found


def _blending(commentary, annotations, examples, progress):
    matrix = 1 - _mean_by_class(annotations[-1], examples.y)
    order = np.argsort(matrix, axis=None)[::-1][:3]
    pairs = ", ".join(
        f"{row} with {column} ({matrix[row, column]:.0%})"
        for row, column in zip(*np.unravel_index(order, matrix.shape))
    )
    return [
        View(
            "blending",
            "How much of the other example is blended in",
            f"Between {np.nanmin(matrix):.0%} and {np.nanmax(matrix):.0%} of an "
            f"example's partner is blended in, most for the classes {pairs}.",
            pictures.heat_map(
                matrix, "partner's class", "class", "part of the partner"
            ),
        )
    ]


def _targets(commentary, annotations, examples, progress):
    matrix = _mean_by_class(annotations[-1], examples.y)
    if commentary.kind == "soft_labels":
        others = matrix.copy()
        np.fill_diagonal(others, -1)
        row, column = np.unravel_index(others.argmax(), others.shape)
        return [
            View(
                "labels",
                "What becomes of each label",
                f"On average {np.diag(matrix).mean():.0%} of the probability stays "
                f"with the label. Most moves from class {row} to class {column} "
                f"({matrix[row, column]:.1%}).",
                pictures.heat_map(matrix, "taught as", "label", "probability"),
            )
        ]
    return [
        View(
            "targets",
            "Invented classes by label",
            f"The mean distribution over {matrix.shape[1]} invented classes, for each "
            f"of {matrix.shape[0]} labels.",
            pictures.heat_map(matrix, "invented class", "label", "probability"),
        )
    ]


def _masks(commentary, annotations, examples, progress):
    masks = annotations[-1]
    x = examples.x[:8]
    shown, _, _ = commentary.apply(tf.constant(masks[:8]), x, None)
    return [
        View(
            "masks",
            "What masks leave of an image",
            f"On average {masks.mean():.0%} of an image is left. Rows: the image, its "
            "mask (white is kept), what a student sees.",
            pictures.image_rows(
                {"image": x, "mask": masks[:8], "seen": np.asarray(shown)}
            ),
        )
    ]


def _over_loss(commentary):
    losses = np.linspace(0, 5, 101, dtype="float32")
    weights = commentary(losses).numpy()
    word = "less" if weights[-1] < weights[0] else "more"
    return [
        View(
            "weight_over_loss",
            "Weight by the student's own loss",
            f"Examples that the student finds hard weigh {word} than easy ones: "
            f"{weights[0]:.3f} at loss 0, {weights[-1]:.3f} at loss 5.",
            pictures.weight_over_loss(losses, weights),
        )
    ]


def _mean_by_class(annotation, y):
    rows = np.full((int(y.max()) + 1, annotation.shape[-1]), np.nan)
    for label in np.unique(y):
        rows[label] = annotation[y == label].mean(0)
    return rows


def are_images(x):
    """Whether inputs can be drawn."""
    return getattr(x, "ndim", 0) == 4 and x.shape[-1] in (1, 3)
