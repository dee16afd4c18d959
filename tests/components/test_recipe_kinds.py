"""Every kind of commentary by recipe, each with the loss that it needs."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest
from components.artifacts import RECIPE, make_examples, make_schema
from components.test_commentary_annotator import annotate, feature, read
from components.test_commentary_gen import do
from hypothesis import given, settings, strategies as st
from tfx.types import standard_artifacts

from tfcommentaries import SavedCommentary
from tfcommentaries.components.artifact import commentary_dir, get_commentary_dir
from tfcommentaries.components.commentary_gen.recipe import (
    PipelineRecipe,
    recipe_of,
)

RECIPE_KEYS = [field.name for field in dataclasses.fields(PipelineRecipe)]
IMAGES = {k: v for k, v in RECIPE.items() if k != "commentary_config"}


def learn(artifacts, commentary, config, **recipe):
    recipe = {**IMAGES, "commentary": commentary, "commentary_config": config, **recipe}
    do(artifacts, recipe, train_args=json.dumps({"num_steps": 2}))
    return SavedCommentary(commentary_dir(artifacts.commentary.uri))


def test_soft_labels(artifacts, digits, tmp_path):
    saved = learn(artifacts, "SoftLabels", {})
    rows = saved(digits.train.x[:3], y=digits.train.y[:3]).numpy()
    assert rows.shape == (3, 10) and np.ptp(rows) > 0
    annotated, _ = annotate(artifacts.examples, artifacts.commentary, tmp_path)
    np.testing.assert_allclose(
        feature(read(annotated)[1], "commentary"), rows[1], rtol=1e-5
    )


def test_auxiliary_targets_get_an_output(artifacts, digits):
    saved = learn(artifacts, "AuxiliaryTargets", {"num_targets": 5})
    assert saved(digits.train.x[:3]).shape == (3, 5)


def test_weights_of_losses(artifacts, tmp_path):
    saved = learn(artifacts, "LossWeighting", {}, learner_config={})
    assert saved.manifest["learned"]["inner_steps"] == 1
    assert (pathlib.Path(artifacts.commentary.uri) / "report.html").exists()
    with pytest.raises(ValueError, match="Teach with CommentaryTrainer instead"):
        annotate(artifacts.examples, artifacts.commentary, tmp_path)


def test_a_composition(artifacts, digits, tmp_path):
    x, y = digits.train
    sites = np.where(np.arange(280) % 3, "near", "far")
    artifacts.examples = make_examples(
        tmp_path / "of-sites",
        train=(x[:200], y[:200], sites[:200]),
        eval=(x[200:280], y[200:280], sites[200:]),
    )
    artifacts.schema = make_schema(tmp_path / "of-sites-schema", sites=True)
    parts = [{"commentary": "GroupWeighting"}, {"commentary": "LabelBlending"}]
    saved = learn(artifacts, "Composition", {"commentaries": parts}, groups="site")
    annotated, _ = annotate(artifacts.examples, artifacts.commentary, tmp_path)
    assert len(feature(read(annotated)[0], "commentary")) == 11
    assert {row["group"] for row in saved.table()} == {"near", "far"}


@pytest.mark.parametrize(
    "config, message",
    [
        ({}, "must have a list `commentaries`"),
        ({"commentaries": ["SoftLabels"]}, "must be an object"),
        ({"commentaries": [{"commentary": "os"}]}, "no `commentary` 'os'"),
        ({"commentaries": [{"commentary": "LossWeighting"}]}, "not the student's"),
    ],
)
def test_compositions_are_checked(config, message, artifacts):
    with pytest.raises(ValueError, match=message):
        learn(artifacts, "Composition", config)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*RECIPE_KEYS, "commentaries"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.dictionaries(st.sampled_from(sorted(RECIPE_KEYS)), JSON, max_size=2))
def test_whatever_a_recipe_says(change):
    try:
        recipe_of({**RECIPE, **change})
    except ValueError as error:
        assert str(error)


def test_spans_of_images_of_any_size(artifacts, digits, tmp_path):
    small, y = digits.train.x[300:340, 1:7], digits.train.y[300:340]
    newer = make_examples(tmp_path / "newer", train=(small, y), eval=(small, y))
    newer.span = 8
    both = [artifacts.examples, newer]
    with pytest.raises(ValueError, match="the recipe must say how to `resize` them"):
        do(artifacts, examples=newer)
    recipe = {**RECIPE, "resize": "bilinear", "validation_batch_size": 100}
    do(artifacts, recipe, inputs={"examples": both})
    annotated, rejected = annotate(both, artifacts.commentary, tmp_path)
    assert len(read(annotated)) == 240 and len(read(annotated, "eval")) == 120
    assert not read(rejected) and annotated.span == 8


def test_the_newest_of_several_commentaries(artifacts, commentary_artifact, tmp_path):
    older = type(commentary_artifact)()
    older.uri, older.id, commentary_artifact.id = str(tmp_path / "none"), 1, 2
    directory = get_commentary_dir([older, commentary_artifact])
    assert directory == commentary_dir(commentary_artifact.uri)


@pytest.mark.parametrize("payload", [7, 11, 15])
def test_other_payloads_are_refused(payload, artifacts, commentary_artifact, tmp_path):
    examples = standard_artifacts.Examples()
    examples.uri = artifacts.examples.uri
    examples.split_names = artifacts.examples.split_names
    # As an ExampleGen writes it.
    name = {7: "FORMAT_TF_SEQUENCE_EXAMPLE", 11: "FORMAT_PROTO", 15: "FORMAT_PARQUET"}
    examples.set_string_custom_property("payload_format", name[payload])
    with pytest.raises(ValueError, match=f"takes tf.Examples.*{name[payload]}"):
        do(artifacts, examples=examples)
    with pytest.raises(ValueError, match=f"takes tf.Examples.*{name[payload]}"):
        annotate(examples, commentary_artifact, tmp_path)
