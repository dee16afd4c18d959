"""Data from several sources, some of them bad."""

from collections.abc import Sequence
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
#: The same, with all labels right.
INPUT_FAULTS = (
    "nothing",
    "nothing",
    "nothing",
    "nothing",
    "upside down",
    "upside down",
    "negative",
    "negative",
    "shuffled pixels",
    "noise alone",
)


class Sources(NamedTuple):
    """Examples and their sources.

    Attributes:
        examples: `Examples` with the faults of their sources.
        source: name of each example's source, `(examples,)` strings.
        faults: dict from a source's name to its fault.
    """

    examples: Examples
    source: np.ndarray
    faults: dict


def spoil_sources(
    examples: Examples,
    num_classes: int,
    seed: int = 0,
    faults: Sequence[str] = FAULTS,
    shares: Sequence[float] | None = None,
) -> Sources:
    """Deals examples out to sources, and spoils those with a fault.

    Args:
        examples: `Examples` of images, 0 to 1, with right labels.
        num_classes: number of classes.
        seed: integer.
        faults: the fault of each source, from `FAULTS` and `INPUT_FAULTS`.
        shares: size of each source relative to the others; `None` means equal sizes.

    Returns:
        `Sources`, named `"source 0"` and so on, in a random order.

    Raises:
        ValueError: if there is no such fault.
    """
    known = dict.fromkeys(FAULTS + INPUT_FAULTS)
    unknown = sorted(set(faults) - set(known))
    if unknown:
        raise ValueError(f"There is no fault {unknown[0]!r}. Known: {list(known)}")
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(faults))
    sizes = np.ones(len(faults)) if shares is None else np.asarray(shares, float)
    ends = np.cumsum(sizes / sizes.sum() * len(examples.y)).round().astype(int)
    number = np.searchsorted(ends, np.arange(len(examples.y)), side="right")
    number = generator.permutation(number)
    x, y = examples.x.copy(), examples.y.copy()
    for i, fault in enumerate(faults):
        of = number == i
        x[of] = _spoil_inputs(x[of], fault, seed + i)
        y[of] = _spoil_labels(y[of], fault, num_classes, seed + i)
    width = len(str(len(faults) - 1))
    names = np.array([f"source {n:0{width}}" for n in order])
    return Sources(
        Examples(x, y),
        names[number],
        dict(sorted(zip(names.tolist(), faults))),
    )


def _spoil_inputs(x, fault, seed):
    if fault == "upside down":
        return x[:, ::-1]
    if fault == "negative":
        return 1 - x
    if fault == "noise alone":
        return np.random.default_rng(seed).uniform(size=x.shape).astype(x.dtype)
    if fault == "shuffled pixels":
        order = np.random.default_rng(seed).permutation(x[0].size)
        return x.reshape(len(x), -1)[:, order].reshape(x.shape)
    return x


def _spoil_labels(y, fault, num_classes, seed):
    if fault == "40% random labels":
        return corrupt_labels(y, 0.4, num_classes, seed)[0]
    if fault == "80% next class":
        return corrupt_labels(y, 0.8, num_classes, seed, "pair")[0]
    if fault == "random labels":
        return corrupt_labels(y, 1.0, num_classes, seed)[0]
    if fault == "labels moved by one":
        return (y + 1) % num_classes
    return y
