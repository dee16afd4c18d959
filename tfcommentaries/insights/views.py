"""Pictures of each kind of commentary."""

import copy
import dataclasses
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfcommentaries import commentaries
from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.insights import pictures
from tfcommentaries.insights.weight_views import View, are_images, views_of_weights
from tfcommentaries.teaching import annotate
from tfcommentaries.typing import ArrayLike

if TYPE_CHECKING:
    from tfcommentaries.datasets.splits import Examples


#: Progress at which curricula are evaluated.
POINTS = np.linspace(0, 1, 11)
#: Images in a row.
_IMAGES = 4


def views(
    commentary: Commentary,
    examples: "Examples | None",
    corrupted: ArrayLike | None = None,
    notes: Mapping[str, str] | None = None,
) -> list[View]:
    """Draws what a commentary says about some examples.

    Args:
        commentary: a `Commentary`, also one that was exported.
        examples: `Examples` with integer labels; a few hundred are enough. `None` if
            there are none, which few kinds can do without.
        corrupted: which labels are wrong, `(examples,)` booleans, or `None` if that is
            not known.
        notes: dict from a source's name to what stands beside it, or `None`.

    Returns:
        A list of `View`, empty for an unknown kind.
    """
    subject = _Subject(commentary, examples, corrupted, notes)
    return _draw(getattr(commentary, "applying", commentary), subject)


class _Subject:
    """What is drawn: annotations of examples at some points of training.

    Attributes:
        commentary: what annotates.
        examples: `Examples` as a student gets them, or `None`.
        progress: points of training, 0 to 1.
        table: the commentary's `GroupTable` or `None`.
        corrupted, notes: as for `views`.
    """

    def __init__(self, commentary, examples, corrupted, notes):
        self.commentary = commentary
        self.corrupted, self.notes = corrupted, notes
        self.progress = POINTS if commentary.uses_progress else POINTS[-1:]
        self.table = commentary.table()
        self.examples, self._given = None, examples
        if examples is not None:
            x = commentary.student_inputs(examples.x)
            self.examples = examples._replace(x=x)

    @functools.cached_property
    def annotations(self):
        """`(points, examples, ...)`."""
        return annotate(self.commentary, self._given, self.progress)


def _of_examples(draw):
    """Draws nothing where there are no examples."""

    @functools.wraps(draw)
    def drawn(commentary, subject):
        return [] if subject.examples is None else draw(commentary, subject)

    return drawn


@functools.singledispatch
def _draw(commentary, subject):
    """Pictures of a commentary, chosen by its class."""
    return []


@_draw.register(commentaries.Composition)
@_of_examples
def _parts(commentary, subject):
    found = []
    pieces = zip(*(commentary.split(one) for one in subject.annotations))
    for number, (part, piece) in enumerate(zip(commentary.commentaries, pieces), 1):
        of_part = copy.copy(subject)
        of_part.annotations = np.stack(piece)
        for view in _draw(part, of_part):
            name, title = f"{number}-{view.name}", f"Part {number}: {view.title}"
            found.append(dataclasses.replace(view, name=name, title=title))
    return found


@_draw.register(commentaries.GroupWeighting)
def _sources(commentary, subject):
    table = subject.table
    if table is None:
        return []  # As a file may say.
    advice, groups = table.entries["advice"], table.entries["group"]
    parts = [
        f"{one}: {_few(groups[advice == one].tolist())}"
        for one in dict.fromkeys(table.advice())
    ]
    text = table.doubt or "; ".join(parts) + "."
    repeated = "high" in table.entries
    return [
        View(
            "sources",
            "Sources",
            f"{text[0].upper()}{text[1:]} Weights go from {table[-1]['weight']:.2f} "
            f"to {table[0]['weight']:.2f}; the advice is to trust a source that has at "
            "least half of the largest weight"
            f"{', in every learning' if repeated else ''}.",
            pictures.group_weights(table, subject.notes),
        )
    ]


def _few(names, most=12):
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(pictures.short, names[:most])) + more


@_draw.register(commentaries.ExampleWeighting)
@_of_examples
def _weights(commentary, subject):
    found = views_of_weights(subject.annotations, subject.examples, subject.progress)
    wrong = subject.corrupted
    if wrong is not None and wrong.any():
        last = subject.annotations[-1]
        groups = {"right label": ~wrong, "wrong label": wrong}
        if len(subject.progress) > 1:
            figure = pictures.weights_over_progress(
                subject.progress, subject.annotations, groups
            )
        else:
            figure = pictures.weight_distributions(last, groups, None)
        found.append(
            View(
                "weights_by_label_quality",
                "Weights of right and of wrong labels",
                f"At the end of training the mean weight is {last[~wrong].mean():.3f} "
                f"for right labels and {last[wrong].mean():.3f} for wrong ones.",
                figure,
            )
        )
    return found


@_draw.register(commentaries.ElementWeighting)
@_of_examples
def _weights_of_elements(commentary, subject):
    """For steps or pixels; labels are `(examples, ...)`, or with an axis of classes."""
    annotations, examples = subject.annotations, subject.examples
    y = np.asarray(examples.y)
    if y.ndim > annotations.ndim - 1:
        y = y.argmax(-1) if y.shape[-1] > 1 else y[..., 0]
    # All in one row, as if each were an example.
    rows = annotations.reshape(len(annotations), -1)
    elements = examples._replace(x=None, y=y.ravel())
    found = views_of_weights(rows, elements, subject.progress)
    if are_images(examples.x):
        last = annotations[-1][:_IMAGES, ..., None]
        labels = y[:_IMAGES, ..., None] / max(1, y.max())
        found.append(
            View(
                "pixels",
                "Where in an image labels count",
                "At the end of training. Rows: the image, the label of each pixel, its "
                "weight (white counts most).",
                pictures.image_rows(
                    {
                        "image": examples.x[:_IMAGES],
                        "label": labels,
                        "weight": last / last.max(),
                    }
                ),
            )
        )
    return found


@_draw.register(commentaries.LabelBlending)
@_of_examples
def _blending(commentary, subject):
    matrix = 1 - _mean_by_class(subject)
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


@_draw.register(commentaries.SoftLabels)
@_of_examples
def _labels(commentary, subject):
    matrix = _mean_by_class(subject)
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


@_draw.register(commentaries.AuxiliaryTargets)
@_of_examples
def _targets(commentary, subject):
    matrix = _mean_by_class(subject)
    return [
        View(
            "targets",
            "Invented classes by label",
            f"The mean distribution over {matrix.shape[1]} invented classes, for each "
            f"of {matrix.shape[0]} labels.",
            pictures.heat_map(matrix, "invented class", "label", "probability"),
        )
    ]


@_draw.register(commentaries.AttentionMask)
@_of_examples
def _masks(commentary, subject):
    masks = subject.annotations[-1]
    x = subject.examples.x[:_IMAGES]
    shown, _, _ = commentary.apply(tf.constant(masks[:_IMAGES]), x, None)
    return [
        View(
            "masks",
            "What masks leave of an image",
            f"On average {masks.mean():.0%} of an image is left. Rows: the image, its "
            "mask (white is kept), what a student sees.",
            pictures.image_rows(
                {"image": x, "mask": masks[:_IMAGES], "seen": np.asarray(shown)}
            ),
        )
    ]


@_draw.register(commentaries.LossWeighting)
def _over_loss(commentary, subject):
    losses = np.linspace(0, 5, 101, dtype="float32")
    weights = subject.commentary(losses).numpy()
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


def _mean_by_class(subject):
    """Mean annotation at the end of training, `(classes, ...)`."""
    annotation, y = subject.annotations[-1], subject.examples.y
    rows = np.full((int(y.max()) + 1, annotation.shape[-1]), np.nan)
    for label in np.unique(y):
        rows[label] = annotation[y == label].mean(0)
    return rows
