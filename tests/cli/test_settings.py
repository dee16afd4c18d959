"""What flags become, without a run."""

import pytest

from tfcommentaries.cli.main import parse
from tfcommentaries.cli.settings import Settings
from tfcommentaries.recipe import Recipe


def settings(*flags):
    return Settings.of(parse(["", "learn", "--run_dir=run", *flags]))


def test_defaults_are_weights_of_examples_that_see_labels():
    assert settings().recipe(10) == Recipe("ExampleWeighting", {"num_classes": 10})
    assert settings().recipe(None) == Recipe("ExampleWeighting", {"num_classes": None})


@pytest.mark.parametrize("flag", ["--spoiled_sources", "--group_column=annotator"])
def test_data_with_sources_get_weights_of_them(flag):
    assert settings(flag).recipe(10) == Recipe("GroupWeighting")


def test_each_flag_reaches_the_recipe():
    flags = (
        "--no-see_label",
        "--curriculum",
        "--no-normalize",
        "--truncate=5",
        "--inner_steps=20",
        "--outer_learning_rate=0.5",
        "--batch_size=8",
        "--seed=3",
    )
    assert settings(*flags).recipe(10) == Recipe(
        "ExampleWeighting",
        {"curriculum": True, "normalize": None},
        inner_training_config={"truncate": 5},
        learner_config={"inner_steps": 20},
        learning_rate=0.5,
        batch_size=8,
        seed=3,
    )


def test_repeats_reach_the_learner():
    found = settings("--spoiled_sources", "--repeats=5").recipe(10)
    assert found == Recipe("GroupWeighting", learner_config={"repeats": 5})


def test_several_kinds_are_a_composition():
    found = settings(
        "--commentary=group_weighting,auxiliary_targets",
        "--group_column=site",
        '--commentary_config={"num_targets": 6}',
        "--inner_training=ImplicitTraining",
    ).recipe(3)
    assert found.commentary == "Composition"
    assert found.commentary_config["commentaries"] == [
        {"commentary": "GroupWeighting", "commentary_config": {}},
        {"commentary": "AuxiliaryTargets", "commentary_config": {"num_targets": 6}},
    ]
    assert found.inner_training == "ImplicitTraining"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--commentary=mask"], "must be one of attention_mask, "),
        (["--commentary=soft_labels,soft_labels"], "must be one of"),
        (["--commentary=group_weighting"], "needs --group_column"),
        (
            ["--commentary=soft_labels", "--group_column=a"],
            "no other kind takes them",
        ),
        (["--commentary=soft_labels", "--no-curriculum"], "--curriculum is for"),
        (['--commentary_config={"colour": 1}'], r"has \['colour'\], which no argument"),
        (["--inner_training=ImplicitTraining", "--truncate=5"], "--truncate is for"),
        (["--repeats=5"], "--repeats is for weights of sources"),
    ],
)
def test_flags_that_do_not_go_together_are_named(flags, message):
    with pytest.raises(ValueError, match=message):
        settings(*flags)


@pytest.mark.parametrize("config", ["{", "[]", "3"])
def test_a_config_that_is_no_object_is_a_wrong_command_line(config, capsys):
    with pytest.raises(SystemExit) as ended:
        settings(f"--commentary_config={config}")
    assert ended.value.code == 2 and "must be" in capsys.readouterr().err


def test_what_had_no_part_is_left_out():
    applied = settings("--checked_column=checked", "--dataset=a.csv").applied()
    assert applied["checked_column"] == "checked"
    for name in ("validation_size", "label_noise", "spoiled_sources", "image_size"):
        assert name not in applied
    assert settings("--label_noise=0.2").applied()["label_noise_kind"] == "random"
