"""What people look at beside a commentary."""

import os

import numpy as np
from tfx.dsl.io import fileio

from tfcommentaries.insights import pictures

POINTS = np.linspace(0, 1, 5)


def write_pictures(directory, commentary, history, x, y):
    """Draws how a commentary was learned and, of a weighting, what it says.

    Args:
        directory: where the files go: `learning.png`, `weights.png`,
            `examples.png`, as far as they make sense.
        commentary: the `Commentary`.
        history: as for `insights.pictures.learning_history`.
        x: some training inputs, an array.
        y: their labels.
    """
    fileio.makedirs(directory)
    figures = {"learning": pictures.learning_history(history)}
    if commentary.kind == "example_weighting":
        weights = np.array([commentary(x, y=y, progress=p).numpy() for p in POINTS])
        if commentary.uses_progress:
            groups = {str(label): y == label for label in np.unique(y)}
            figures["weights"] = pictures.weights_over_progress(POINTS, weights, groups)
        if x.ndim == 4:
            captions = [f"label {label}" for label in y]
            figures["examples"] = pictures.ranked_examples(x, captions, weights[-1])
    for name, figure in figures.items():
        with fileio.open(os.path.join(directory, f"{name}.png"), "wb") as file:
            figure.savefig(file, format="png", dpi=110)
