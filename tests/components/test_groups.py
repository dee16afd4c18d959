"""A recipe that names groups: learned, reported, written beside the examples."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from components.artifacts import (
    RECIPE,
    make_example,
    make_examples,
    make_schema,
    write_examples,
)
from components.test_commentary_annotator import annotate, feature, read
from components.test_commentary_gen import do

from tfcommentaries import SavedCommentary, datasets
from tfcommentaries.components import CommentaryGen
from tfcommentaries.components.artifact import commentary_dir

GROUPS = {
    **RECIPE,
    "commentary": "GroupWeighting",
    "commentary_config": {},
    "groups": "site",
    "learner_config": {"inner_steps": 5},
}


@pytest.fixture
def sources(digits):
    """600 digits of three sites; all labels of one are moved by one."""
    faults = ("nothing", "nothing", "labels moved by one")
    train = datasets.Examples(digits.train.x[:600], digits.train.y[:600])
    return datasets.spoil_sources(train, 10, faults=faults)


def test_groups_are_learned_and_annotated(artifacts, sources, digits, tmp_path):
    (x, y), site, faults = sources
    # The last has no site.
    some = [*site[:-1], None]
    artifacts.examples = make_examples(
        tmp_path / "of-sites", train=(x, y, some), eval=digits.validation
    )
    artifacts.schema = make_schema(tmp_path / "schema-of-sites", sites=True)
    do(artifacts, GROUPS, train_args=json.dumps({"num_steps": 20}))
    saved = SavedCommentary(commentary_dir(artifacts.commentary.uri))
    table = saved.table()
    names, counts = np.unique(site[:-1], return_counts=True)
    assert {row["group"]: row["examples"] for row in table} == dict(
        zip(names.tolist(), counts.tolist())
    )
    assert faults[table[-1]["group"]] == "labels moved by one"
    properties = artifacts.commentary.get_string_custom_property
    assert json.loads(properties("table")) == table
    root = pathlib.Path(artifacts.commentary.uri)
    assert {p.name for p in (root / "pictures").iterdir()} == {
        "learning.png",
        "sources.png",
    }
    assert "Table of sources" in (root / "report.html").read_text()

    annotated, _ = annotate(artifacts.examples, artifacts.commentary, tmp_path)
    mean = sum(row["weight"] * row["examples"] for row in table) / (len(site) - 1)
    weights = {row["group"]: row["weight"] / mean for row in table}
    for example, name in zip(read(annotated), some, strict=True):
        (weight,) = feature(example, "commentary")
        assert weight == pytest.approx(weights.get(name, 1.0), rel=1e-5)
    for example in read(annotated, "eval"):
        assert feature(example, "commentary") == [pytest.approx(1.0, rel=1e-5)]

    serve = tf.saved_model.load(saved.directory).signatures["serve_examples"]
    image = np.zeros((8, 8, 1))
    records = [make_example(image, 0, name) for name in (site[0], "elsewhere", None)]
    records = tf.constant([record.SerializeToString() for record in records])
    np.testing.assert_allclose(
        serve(records)["annotation"], [weights[site[0]], 1.0, 1.0], rtol=1e-5
    )
    assert serve(records[:0])["annotation"].shape == (0,)


@pytest.mark.parametrize(
    "recipe, message",
    [
        ({**GROUPS, "groups": None}, "`groups` names the features"),
        ({**RECIPE, "groups": "site"}, "`groups` names the features"),
        ({**RECIPE, "commentary": "os"}, "there is no `commentary` 'os'"),
        (
            {**RECIPE, "inner_training": "__doc__"},
            "inner_training must be .Unrolled",
        ),
    ],
)
def test_recipes_that_cannot_be_followed_are_refused(recipe, message, artifacts):
    with pytest.raises(ValueError, match=message):
        do(artifacts, recipe)


def test_a_feature_of_groups_that_is_missing_is_named(artifacts):
    with pytest.raises(ValueError, match=r"no feature \['site'\]"):
        do(artifacts, GROUPS)


def test_the_recipe_is_checked_when_the_pipeline_is_made():
    with pytest.raises(ValueError, match="`groups` names the features"):
        CommentaryGen(None, schema=None, custom_config={**GROUPS, "groups": None})


def test_files_sorted_by_source_are_read_over_all_of_them(
    artifacts, sources, digits, tmp_path
):
    (x, y), site, _ = sources
    order = np.argsort(site, kind="stable")
    artifacts.examples = make_examples(
        tmp_path / "sorted", train=(x[order], y[order], site[order])
    )
    # A shard in which there is nothing, and one for the validation.
    for name, part in ("train/empty", ([], [])), ("eval/data", digits.validation):
        split, file = name.split("/")
        write_examples(tmp_path / "sorted" / f"Split-{split}" / f"{file}.gz", *part)
    artifacts.examples.split_names = '["train", "eval"]'
    artifacts.schema = make_schema(tmp_path / "schema-of-sites", sites=True)
    # 60 of 600 examples.
    learner_config = {"inner_steps": 3, "start_from_checked": False}
    recipe = {**GROUPS, "batch_size": 10, "learner_config": learner_config}
    do(artifacts, recipe, train_args=json.dumps({"num_steps": 2}))
    table = SavedCommentary(commentary_dir(artifacts.commentary.uri)).table()
    assert sum(row["seen"] for row in table) == 60
    assert all(row["seen"] > 5 for row in table), table
