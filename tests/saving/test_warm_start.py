"""Learning starts from an exported commentary: rows are matched by name."""

import warnings

import numpy as np
import pytest

from tfcommentaries import (
    AttentionMask,
    Composition,
    ExampleWeighting,
    GroupWeighting,
    LabelBlending,
    SoftLabels,
    export_commentary,
    teachers,
)
from tfcommentaries.commentaries import GroupNames
from tfcommentaries.saving.warm_start import load_weights


def learned(weights, **options):
    """A weighting with these weights by name, ten examples each."""
    weighting = GroupWeighting(
        GroupNames(list(weights), [10] * len(weights)), **options
    )
    values = np.array(list(weights.values()))
    logits = np.log(values) - np.log1p(-values)
    table = weighting.logits["group"]
    table.assign(np.broadcast_to(logits[:, None, None], table.shape))
    return weighting


def exported(commentary, path, x, y=None):
    commentary(x, y=y)
    export_commentary(commentary, path)
    return path


@pytest.fixture
def base(tmp_path):
    weighting = learned({"anna": 0.98, "bert": 0.02, "carl": 0.73})
    return exported(weighting, tmp_path / "base", {"group_index": np.array([1, 2])})


def weights_of(weighting):
    return {row["group"]: row["weight"] for row in weighting.table()}


def test_sources_keep_their_weights_and_a_new_one_starts_at_the_mean(base):
    weighting = GroupWeighting(["bert", "carl", "dora"])
    notes = load_weights(weighting, base)
    mean = np.mean([0.98, 0.02, 0.73])
    assert weights_of(weighting) == pytest.approx(
        {"bert": 0.02, "carl": 0.73, "dora": mean}, rel=1e-5
    )
    assert notes == {"new groups": ["dora"], "gone groups": ["anna"]}
    assert [row["group"] for row in weighting.table() if row.get("new")] == ["dora"]
    assert str(weighting.table()).count("(new)") == 1


def test_the_order_and_the_number_of_sources_do_not_matter(base):
    weighting = GroupWeighting(["carl", "zoe", "anna", "bert", "adam"])
    load_weights(weighting, base)
    found = weights_of(weighting)
    assert found["anna"] == pytest.approx(0.98, rel=1e-5)
    assert found["bert"] == pytest.approx(0.02, rel=1e-5)
    assert found["carl"] == pytest.approx(0.73, rel=1e-5)


def test_a_source_that_is_gone_may_be_kept(base):
    names = GroupNames(["bert", "carl"], [5, 5]).including(["anna", "bert", "carl"])
    weighting = GroupWeighting(names)
    assert load_weights(weighting, base) == {}
    assert weights_of(weighting)["anna"] == pytest.approx(0.98, rel=1e-5)
    assert names.counts == [5, 5, 0]
    # It does not change what the others weigh.
    found = weighting({"group_index": np.array([1, 2])})
    np.testing.assert_allclose(found, np.array([0.02, 0.73]) / 0.375, rtol=1e-5)


def test_parts_of_a_composition_are_matched_too(tmp_path):
    def make(names):
        parts = GroupWeighting(names), ExampleWeighting()
        return Composition(parts)

    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    old = make(["a", "b"])
    grouped = old.add_groups(x, ["a", "b", "a", "b"])
    old(grouped)
    old.commentaries[0].logits["group"].assign([[[1.0]], [[-1.0]]])
    export_commentary(old, tmp_path / "base")
    new = make(["b", "c"])
    again = new.add_groups(x, ["b", "b", "b", "b"])
    new(again)
    assert load_weights(new, tmp_path / "base") == {
        "new groups": ["c"],
        "gone groups": ["a"],
    }
    np.testing.assert_allclose(new.commentaries[0].logits["group"][0], [[-1.0]])
    np.testing.assert_allclose(
        new.commentaries[1](x), old.commentaries[1](x), rtol=1e-5
    )
    with pytest.raises(ValueError, match="It is made of.*this Composition of"):
        load_weights(Composition(new.commentaries[::-1]), tmp_path / "base")


@pytest.mark.parametrize("kind", [LabelBlending, SoftLabels])
def test_new_classes_follow_those_of_a_table(kind, tmp_path):
    old = kind(num_classes=2)
    old.logits.assign([[1.0, 2.0], [3.0, 4.0]])
    path = exported(old, tmp_path / "base", np.zeros((2, 3)), np.array([0, 1]))
    new = kind(num_classes=3)
    start = new.logits.numpy()
    assert load_weights(new, path) == {"new classes": [2]}
    np.testing.assert_allclose(new.logits[:2, :2], [[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_allclose(new.logits[2], start[2])
    path = exported(new, tmp_path / "new", np.zeros((2, 3)), np.array([0, 1]))
    with pytest.raises(ValueError, match="weights of shapes"):
        load_weights(old, path)


def test_what_does_not_fit_is_refused_in_a_sentence(base, tmp_path):
    x = np.zeros((2, 8, 8, 1), "float32")
    masks = AttentionMask(teachers.unet((8, 8, 1), depth=1, width=4))
    masks(x)
    with pytest.raises(ValueError, match="of the class .*GroupWeighting, but this one"):
        load_weights(masks, base)
    with pytest.raises(ValueError, match="Use the same `num_classes`"):
        load_weights(GroupWeighting(["anna"], num_classes=2), base)


def test_names_that_are_numbers_stay_numbers(tmp_path):
    weighting = learned({-1: 0.9, 0: 0.2, 7: 0.5})
    path = exported(weighting, tmp_path / "base", {"group_index": np.array([1])})
    again = GroupWeighting([7, 7, -1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_weights(again, path) == {"gone groups": [0]}
    assert weights_of(again) == pytest.approx({-1: 0.9, 7: 0.5}, rel=1e-5)
