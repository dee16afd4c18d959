"""Labels that a commentary considers wrong."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.teaching import annotate

if TYPE_CHECKING:
    from tfcommentaries.datasets.splits import Examples


class Suspects(NamedTuple):
    """Examples, ordered with the most suspected first.

    Attributes:
        index: position of each example, `(examples,)`.
        score: distrust of the commentary in the label, 0 to 1, `(examples,)`.
        suggested: the label that it trusts most, `(examples,)`; -1 if there is none.
    """

    index: np.ndarray  # type: ignore[assignment]  # Not `tuple.index`.
    score: np.ndarray
    suggested: np.ndarray


def suspected_labels(
    commentary: Commentary, examples: "Examples", num_classes: int
) -> Suspects:
    """Ranks examples by how likely their label is wrong.

    A weighting that sees the label weighs every possible label of an example: the score
    is one minus the weight with the given label divided by the largest weight with any
    label. If it does not see the label, the weight alone gives the score; for soft
    labels, the probability of the given label does. Curricula are evaluated at the end
    of training.

    The quality of the ranking depends on that of the commentary: on small digits it
    equals confident learning (cleanlab), on 3,000 MNIST images it is worse
    (`benchmarks/RESULTS.md`).

    Args:
        commentary: `ExampleWeighting`, `SoftLabels`, or an exported one.
        examples: `Examples` with integer labels.
        num_classes: number of classes.

    Returns:
        `Suspects`.

    Raises:
        ValueError: if the kind of commentary does not distinguish labels.
    """
    trust = commentary.label_trust(
        lambda y: annotate(commentary, (examples.x, y), [1.0])[0],
        examples.y,
        num_classes,
    )
    if trust is None:
        raise ValueError(
            "Suspected labels need a commentary that tells labels from each other, "
            "such as an ExampleWeighting or SoftLabels. Received: one of the kind "
            f"{commentary.kind}"
        )
    rows, one = np.arange(len(examples.y)), trust.shape[-1] == 1
    score = 1 - trust[rows, 0 if one else examples.y]
    order = np.argsort(-score, kind="stable")
    suggested = np.full(len(rows), -1) if one else trust.argmax(-1)
    return Suspects(order, score[order], suggested[order])
