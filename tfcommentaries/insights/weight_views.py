"""Pictures of weights of examples, whatever gave them."""

import dataclasses
import itertools

import numpy as np

from tfcommentaries.insights import pictures
from tfcommentaries.typing import Tensors


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


def views_of_weights(annotations, examples, progress):
    """Pictures of weights, by label, over training, and of the examples.

    Args:
        annotations: weights `(points, examples)`.
        examples: `Examples`, as many.
        progress: points of training, 0 to 1.

    Returns:
        A list of `View`.
    """
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
            pictures.weight_distributions(last, groups, noun),
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


def are_images(x: Tensors) -> bool:
    """Whether inputs can be drawn."""
    return getattr(x, "ndim", 0) == 4 and x.shape[-1] in (1, 3)
