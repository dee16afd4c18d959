"""CROWDLAB, by cleanlab; run with a Python that has it."""

import sys

import numpy as np
from cleanlab.multiannotator import get_label_quality_multiannotator


def main(given, found):
    """Weighs what sources say of the same examples, and a model's opinion.

    Args:
        given: `.npz` with `labels` `(examples, sources)`, -1 where a source says
            nothing, and out-of-sample `probabilities` `(examples, classes)`.
        found: `.npz` to write: `labels` `(examples,)` and `quality` `(sources,)`.

    Reference:
        [Goh et al., CROWDLAB](https://arxiv.org/abs/2210.06812)
    """
    arrays = np.load(given)
    labels = np.where(arrays["labels"] < 0, np.nan, arrays["labels"])
    of_all = get_label_quality_multiannotator(
        labels, arrays["probabilities"], verbose=False
    )
    quality = of_all["annotator_stats"]["annotator_quality"].sort_index()
    consensus = of_all["label_quality"]["consensus_label"]
    np.savez(found, labels=consensus.to_numpy(), quality=quality.to_numpy())


if __name__ == "__main__":
    main(*sys.argv[1:])
