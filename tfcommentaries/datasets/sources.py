"""Data that come from several sources, some of them bad."""

from typing import NamedTuple

import numpy as np

from tfcommentaries.datasets.label_noise import corrupt_labels
from tfcommentaries.datasets.splits import Examples

#: What is wrong with each of ten sources.
FAULTS = (
    "nothing",
    "nothing",
    "nothing",
    "40% random labels",
    "40% random labels",
    "80% next class",
    "80% next class",
    "random labels",
    "upside down",
    "labels moved by one",
)


class Sources(NamedTuple):
    """Examples and where they come from.

    Attributes:
        examples: `Examples` as their sources give them.
        source: name of each example's source, `(examples,)` strings.
        faults: dict from a source's name to what is wrong with it.
    """

    examples: Examples
    source: np.ndarray
    faults: dict


def spoil_sources(examples, num_classes, seed=0, faults=FAULTS, shares=None):
    """Deals examples out to sources and spoils some of these.

    Args:
        examples: `Examples` of images with right labels.
        num_classes: number of classes.
        seed: integer.
        faults: what is wrong with each source, of `FAULTS`.
        shares: how many examples each source has, relative to the others; `None`: as
            many.

    Returns:
        `Sources`, named `"source 0"` and so on, in a random order.

    Raises:
        ValueError: if there is no such fault.
    """
    unknown = sorted(set(faults) - set(FAULTS))
    if unknown:
        raise ValueError(
            f"There is no fault {unknown[0]!r}. Known: {list(dict.fromkeys(FAULTS))}"
        )
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(faults))
    shares = np.ones(len(faults)) if shares is None else np.asarray(shares, float)
    ends = np.cumsum(shares / shares.sum() * len(examples.y)).round().astype(int)
    number = np.searchsorted(ends, np.arange(len(examples.y)), side="right")
    number = generator.permutation(number)
    x, y = examples.x.copy(), examples.y.copy()
    for i, fault in enumerate(faults):
        of = number == i
        if fault == "40% random labels":
            y[of], _ = corrupt_labels(y[of], 0.4, num_classes, seed + i)
        elif fault == "80% next class":
            y[of], _ = corrupt_labels(y[of], 0.8, num_classes, seed + i, "pair")
        elif fault == "random labels":
            y[of], _ = corrupt_labels(y[of], 1.0, num_classes, seed + i)
        elif fault == "labels moved by one":
            y[of] = (y[of] + 1) % num_classes
        elif fault == "upside down":
            x[of] = x[of, ::-1]
    width = len(str(len(faults) - 1))
    names = np.array([f"source {n:0{width}}" for n in order])
    return Sources(
        Examples(x, y),
        names[number],
        dict(sorted(zip(names.tolist(), faults))),
    )
