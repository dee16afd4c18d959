"""cleanlab's view of some labels; run by label_errors.py with the peers' Python."""

import sys

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores


def main(source, target):
    """Scores labels.

    Args:
        source: `.npz` with `labels` `(examples,)` and out-of-sample `probabilities`
            `(examples, classes)`.
        target: `.npz` to write: for each way to rank, how bad each label is, and
            `found`, whether confident learning calls it wrong.
    """
    given = np.load(source)
    arguments = given["labels"], given["probabilities"]
    scores = {
        name: 1 - get_label_quality_scores(*arguments, method=name)
        for name in ("self_confidence", "normalized_margin")
    }
    np.savez(target, found=find_label_issues(*arguments), **scores)
    print("null")  # Scores are too many for a line.


if __name__ == "__main__":
    main(*sys.argv[1:])
