"""Exports commentaries, or teaches with those that another version has exported.

`python exchange.py export DIRECTORY` or `python exchange.py check DIRECTORY`.
"""

import pathlib
import sys

import numpy as np
import tensorflow as tf

from tfcommentaries import (
    AttentionMask,
    Composition,
    ExampleWeighting,
    GroupWeighting,
    LabelBlending,
    SavedCommentary,
    SoftLabels,
    export_commentary,
)

BATCH = 12
CLASSES = 3
SITES = np.array(["Rome", "Bern", "Oslo"] * (BATCH // 3))
KINDS = {
    "weighting": lambda: ExampleWeighting(num_classes=CLASSES),
    "blending": lambda: LabelBlending(CLASSES),
    "groups": lambda: GroupWeighting(SITES),
    "mask": AttentionMask,
    "soft_labels": lambda: SoftLabels(CLASSES),
    "composition": lambda: Composition([AttentionMask(), ExampleWeighting()]),
}


def batch():
    """`(x, y)`: random images in three classes."""
    generator = np.random.default_rng(0)
    x = generator.random(size=(BATCH, 8, 8, 1)).astype("float32")
    return x, np.arange(BATCH) % CLASSES


def gives(commentary):
    """Arrays of all that a commentary says and does to a batch."""
    x, y = batch()
    if commentary.table() is not None:
        x = commentary.add_groups(x, SITES)
    tf.random.set_seed(0)
    taught = commentary.teach(x, y, np.ones(BATCH, "float32"), 0.3)
    parts = [commentary(x, y=y, progress=0.3), *taught]
    return {
        str(i): np.asarray(part) for i, part in enumerate(parts) if part is not None
    }


def signature(path):
    """Arrays of what the serving signature answers."""
    x, y = batch()
    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    given = {"group": SITES, "x": x, "y": y, "progress": np.full(BATCH, 0.3, "float32")}
    specs = serve.structured_input_signature[1]
    answer = serve(**{n: tf.cast(given[n], s.dtype) for n, s in specs.items()})
    return {f"signature {name}": value.numpy() for name, value in answer.items()}


def export(directory):
    """Writes a commentary of each kind, with random weights, and what it gives."""
    generator = np.random.default_rng(0)
    for kind, make in KINDS.items():
        commentary, path = make(), pathlib.Path(directory, kind)
        gives(commentary)
        for variable in commentary.trainable_variables:
            variable.assign(generator.normal(size=variable.shape))
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
