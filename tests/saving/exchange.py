"""Exports commentaries, or teaches with those that another version has exported.

`python exchange.py export DIRECTORY` or `python exchange.py check DIRECTORY`.
"""

import pathlib
import sys

import numpy as np
import tensorflow as tf

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from kinds import BATCH, KINDS, SITES, annotate, batch, built, losses

from tfcommentaries import SavedCommentary, export_commentary


def gives(commentary):
    """Arrays of all that a commentary says and does to a batch."""
    found = [annotate(commentary)]
    if not commentary.uses_student_loss:
        x, y = batch(commentary)
        weights = np.ones(BATCH, "float32")
        found += tf.nest.flatten(commentary.teach(x, y, weights, 0.3))
    return {str(i): np.asarray(part) for i, part in enumerate(found)}


def signature(path):
    """Arrays of what the serving signature answers."""
    commentary = SavedCommentary(path)
    x, y = batch(commentary)
    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    given = {"group": SITES, "y": y, "progress": np.full(BATCH, 0.3, "float32")}
    given["x"] = losses() if commentary.uses_student_loss else x
    specs = serve.structured_input_signature[1]
    answer = serve(**{n: tf.cast(given[n], s.dtype) for n, s in specs.items()})
    return {f"signature {name}": value.numpy() for name, value in answer.items()}


def export(directory):
    """Writes a commentary of each kind, with random weights, and what it gives."""
    for kind in KINDS:
        commentary, path = built(kind), pathlib.Path(directory, kind)
        export_commentary(commentary, path)
        np.savez(path / "gives.npz", **gives(commentary), **signature(path))


def check(directory):
    """Compares with what was written; returns the kinds."""
    for kind in KINDS:
        path = pathlib.Path(directory, kind)
        found = {**gives(SavedCommentary(path)), **signature(path)}
        with np.load(path / "gives.npz") as expected:
            assert set(found) == set(expected)
            for name, value in expected.items():
                np.testing.assert_allclose(
                    found[name], value, rtol=1e-6, atol=1e-6, err_msg=f"{kind} {name}"
                )
    return list(KINDS)


if __name__ == "__main__":
    {"export": export, "check": check}[sys.argv[1]](sys.argv[2])
