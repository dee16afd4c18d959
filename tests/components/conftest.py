"""Hand-made artifacts of the bundled digits."""

import types

import numpy as np
import pytest

pytest.importorskip("tfx", reason="TFX is not installed here (extra `tfx`)")

from components.artifacts import make_examples, make_schema
from tfx.types import standard_artifacts

from tfcommentaries import ExampleWeighting, export_commentary
from tfcommentaries.components import CommentaryArtifact
from tfcommentaries.components.artifact import commentary_dir
from tfcommentaries.saving.example_reading import ExampleReading


@pytest.fixture
def artifacts(tmp_path, digits):
    """`examples`, `schema`, and empty `commentary`, `run` and `model`."""
    x, y = digits.train
    examples = make_examples(
        tmp_path / "examples", train=(x[:200], y[:200]), eval=(x[200:280], y[200:280])
    )
    commentary, run = CommentaryArtifact(), standard_artifacts.ModelRun()
    model = standard_artifacts.Model()
    model.uri = str(tmp_path / "model" / "1")
    commentary.uri = str(tmp_path / "commentary" / "1")
    run.uri = str(tmp_path / "run" / "1")
    return types.SimpleNamespace(
        examples=examples,
        schema=make_schema(tmp_path / "schema"),
        commentary=commentary,
        run=run,
        model=model,
    )


@pytest.fixture
def weighting(digits):
    """An `ExampleWeighting` with random weights."""
    commentary = ExampleWeighting(num_classes=10, curriculum=True)
    commentary.teach(digits.train.x[:2], digits.train.y[:2], None, 0.0)
    kernel = commentary.teacher.layers[-1].kernel
    kernel.assign(np.random.default_rng(0).normal(size=kernel.shape))
    return commentary


@pytest.fixture
def commentary_artifact(tmp_path, weighting):
    """An artifact with `weighting`."""
    artifact = CommentaryArtifact()
    artifact.uri = str(tmp_path / "exported")
    reading = ExampleReading("image", "label", (8, 8, 1), num_classes=10)
    export_commentary(weighting, commentary_dir(artifact.uri), reading=reading)
    return artifact
