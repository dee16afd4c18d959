"""Labels that a commentary considers wrong."""

from typing import NamedTuple

import numpy as np

from tfcommentaries.teaching import annotate


class Suspects(NamedTuple):
    """Examples in order, the most suspected first.

    Attributes:
        index: position of each example, `(examples,)`.
        score: 0 to 1, how little the commentary trusts the label, `(examples,)`.
        suggested: the label that it trusts most, or -1 if it cannot tell,
            `(examples,)`.
    """

    index: np.ndarray
    score: np.ndarray
    suggested: np.ndarray


def suspected_labels(commentary, examples, num_classes):
    """Ranks examples by how likely their label is wrong.

    A weighting that sees the label is asked about every label an example might have:
    the score is one minus the weight with its own label divided by the largest weight
    with any. For one that does not see it the weight alone gives the score, for soft
    labels the probability that they leave to the label. Curricula are evaluated at the
    end of training.

    How good the ranking is depends on how well the commentary was learned: on small
    digits it equals confident learning (cleanlab), on 3,000 MNIST images it is behind
    (`benchmarks/RESULTS.md`).

    Args:
        commentary: `ExampleWeighting`, `SoftLabels`, or one that was exported.
        examples: `Examples` with integer labels.
        num_classes: number of classes.

    Returns:
        `Suspects`.

    Raises:
        ValueError: if the kind of commentary does not tell labels from each other.
    """
    rows = np.arange(len(examples.y))
    if commentary.kind == "soft_labels":
        (trust,) = annotate(commentary, examples, [1.0])
    elif commentary.kind == "example_weighting" and commentary.uses_labels:
        trust = np.stack(
            [
                annotate(commentary, (examples.x, np.full_like(examples.y, c)), [1.0])[
                    0
                ]
                for c in range(num_classes)
            ],
            -1,
        )
        trust /= trust.max(-1, keepdims=True)
    elif commentary.kind == "example_weighting":
        (weights,) = annotate(commentary, examples, [1.0])
        score = 1 - weights / max(weights.max(), np.finfo(weights.dtype).tiny)
        order = np.argsort(-score, kind="stable")
        return Suspects(order, score[order], np.full(len(rows), -1))
    else:
        raise ValueError(
            "Suspected labels need a commentary of the kind example_weighting or "
            f"soft_labels. Received: {commentary.kind}"
        )
    score = 1 - trust[rows, examples.y]
    order = np.argsort(-score, kind="stable")
    return Suspects(order, score[order], trust.argmax(-1)[order])
