"""Recipes: a learning as plain values."""

import keras
import numpy as np
import pytest
from fuzzing import JSON
from hypothesis import given, settings, strategies as st
from models import make_linear

from tfcommentaries.recipe import Recipe, kinds
from tfcommentaries.saving.json_files import typed

PARTS = [
    {"commentary": "ExampleWeighting", "commentary_config": {"curriculum": False}},
    {"commentary": "SoftLabels"},
]


@pytest.mark.parametrize("name", kinds())
def test_every_kind_is_made_by_its_name(name):
    config = {"num_targets": 4} if name == "AuxiliaryTargets" else {}
    if name == "Composition":
        config = {"commentaries": PARTS}
    made = Recipe(name, config).make_commentary(
        3, {"group": np.array(["a", "b"])}, (8, 8, 1)
    )
    assert type(made) is kinds()[name]
    assert {need for part in made.parts() for need in part.needs} == Recipe(
        name, config
    ).needs


def test_arguments_reach_what_they_are_for():
    recipe = Recipe(
        "Composition",
        {"commentaries": PARTS},
        inner_training_config={"truncate": 2},
        learner_config={"inner_steps": 3},
        learning_rate=0.25,
        seed=7,
    )
    commentary = recipe.make_commentary(num_classes=3)
    assert not commentary.commentaries[0].curriculum
    assert commentary.commentaries[1].num_classes == 3
    student = make_linear((5,), 3)
    student.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    learner = recipe.make_learner(commentary, student, "classes")
    assert learner.inner_training.truncate == 2
    assert (learner.inner_steps, learner.seed) == (3, 7)
    assert float(learner.optimizer.learning_rate) == 0.25


def test_a_kind_may_say_how_it_is_learned():
    recipe = Recipe("LossWeighting")
    commentary = recipe.make_commentary()
    learner = recipe.make_learner(commentary, make_linear((5,), 3), "classes")
    assert learner.inner_steps == 1 and learner.initialization.mode == "continue"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"commentary": "os"}, "there is no `commentary` 'os'"),
        ({"commentary": "ElementWeighting"}, "there is no `commentary`"),
        ({"commentary": "Composition"}, "must have a list `commentaries`"),
        (
            {
                "commentary": "Composition",
                "commentary_config": {"commentaries": ["SoftLabels"]},
            },
            "must be an object",
        ),
        ({"inner_training": "__doc__"}, "inner_training must be 'UnrolledTraining' or"),
        ({"learning_rate": -1.0}, "learning_rate must be above 0"),
        ({"batch_size": 0}, "batch_size must be above 0"),
        ({"sede": 1}, "Did you mean seed"),
    ],
)
def test_wrong_entries_are_named(config, message):
    with pytest.raises(ValueError, match=message):
        typed(config, Recipe, "The recipe")


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (Recipe("SoftLabels"), "is for classes, but the labels"),
        (Recipe("AttentionMask"), "for images"),
        (Recipe("AuxiliaryTargets"), "needs num_targets"),
        (Recipe("ExampleWeighting", {"colour": 1}), "does not fit ExampleWeighting"),
    ],
)
def test_a_kind_that_does_not_suit_is_named(recipe, message):
    with pytest.raises(ValueError, match=message):
        recipe.make_commentary(x_shape=(5,))


@pytest.mark.parametrize(
    "config", [{"learner_config": {"steps": 1}}, {"inner_training_config": {"k": 1}}]
)
def test_arguments_that_are_none_are_named(config):
    recipe = Recipe(**config)
    commentary = recipe.make_commentary()
    with pytest.raises(
        ValueError, match="does not fit: .*(U|u)n(expected|recognized) keyword"
    ):
        recipe.make_learner(commentary, make_linear((5,), 3), "classes")


FIELDS = ["commentary", "commentary_config", "learner_config", "seed", "learning_rate"]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.dictionaries(st.sampled_from([*FIELDS, "other"]), JSON, max_size=3))
def test_whatever_a_recipe_says(config):
    try:
        typed(config, Recipe, "The recipe")
    except ValueError as error:
        assert str(error)
