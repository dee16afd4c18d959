"""Annotations of whole data sets."""

import numpy as np


def annotate(commentary, examples, progress, batch_size=1024):
    """Annotates every example at several points of progress.

    Args:
        commentary: a `Commentary`.
        examples: `(x, y)` arrays, such as `Examples`.
        progress: list of numbers, 0 to 1.
        batch_size: examples annotated at once.

    Returns:
        An array `(len(progress), examples, ...)`.
    """
    x, y = examples
    return np.stack(
        [
            np.concatenate(
                [
                    commentary(
                        x[i : i + batch_size],
                        y=y[i : i + batch_size],
                        progress=point,
                    )
                    for i in range(0, len(y), batch_size)
                ]
            )
            for point in progress
        ]
    )
