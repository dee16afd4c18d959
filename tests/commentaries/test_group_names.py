"""No name is reserved, and names come in many forms."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfcommentaries import (
    Composition,
    ExampleWeighting,
    GroupWeighting,
    SavedCommentary,
    export_commentary,
    teach,
)
from tfcommentaries.commentaries import GroupNames
from tfcommentaries.saving.example_reading import ExampleReading

ODD = {
    "integers": [-2, -1, 0, 1, 2**62, 2**63 - 1, 1 - 2**63],
    "strings": ["", "[UNK]", "[MASK]", "-1", "0", "a", "a\0", "\0", "nan", "ü"],
}


@pytest.fixture(params=ODD)
def names(request):
    return ODD[request.param]


@pytest.fixture
def weighting(names):
    """Each group has a weight of its own: 0.1, 0.2, ... in the order of `names`."""
    weighting = GroupWeighting(names, normalize=None)
    assert sorted(names) == weighting.columns["group"].names
    weights = expected(names)[np.argsort(np.array(names, object))]
    logits = np.log(weights / (1 - weights))
    weighting.logits["group"].assign(logits[:, None, None])
    return weighting


def expected(names):
    return np.linspace(0.1, 0.9, len(names))


def mean(names):
    return np.mean(expected(names))


def unknown(names):
    return "elsewhere" if isinstance(names[0], str) else 7


def test_every_name_has_its_own_weight(weighting, names):
    x = np.zeros((len(names), 1), "float32")
    grouped = weighting.add_groups(x, names)
    np.testing.assert_allclose(weighting(grouped), expected(names), rtol=1e-5)
    tensors = weighting.add_groups(
        x, tf.constant(names, weighting.columns["group"].dtype)
    )
    np.testing.assert_allclose(weighting(tensors), expected(names), rtol=1e-5)
    found = {row["group"]: row["weight"] for row in weighting.table()}
    assert found == pytest.approx(dict(zip(names, expected(names))))


def test_in_a_pipeline_too(weighting, names):
    x = np.zeros((len(names), 1), "float32")
    column = tf.constant(names, weighting.columns["group"].dtype)
    data = tf.data.Dataset.from_tensor_slices((x, column, x)).batch(len(names))
    data = data.map(lambda x, group, y: (weighting.add_groups(x, group), y))
    ((_, _, weights),) = teach(data, weighting)
    np.testing.assert_allclose(tf.reshape(weights, [-1]), expected(names), rtol=1e-5)


@pytest.mark.parametrize(
    "again",
    [
        copy.copy,
        copy.deepcopy,
        lambda one: pickle.loads(pickle.dumps(one)),
        lambda one: type(one).from_config(one.get_config()),
    ],
    ids=["copy", "deepcopy", "pickle", "config"],
)
def test_in_copies_too(weighting, names, again):
    found = again(weighting).columns["group"]
    for column in found, copy.deepcopy(found), pickle.loads(pickle.dumps(found)):
        assert column.names == sorted(names)
        np.testing.assert_array_equal(
            column.index(sorted(names)), np.arange(len(names)) + 1
        )


@pytest.mark.parametrize("composed", [False, True])
def test_when_served_too(weighting, names, composed, tmp_path):
    x = np.random.default_rng(0).normal(size=(len(names), 2)).astype("float32")
    commentary = weighting
    if composed:
        commentary = Composition([ExampleWeighting(), weighting])
    commentary(commentary.add_groups(x, names))
    export_commentary(
        commentary, tmp_path / "it", reading=ExampleReading("x", groups="group")
    )
    wanted = np.append(expected(names), mean(names))

    saved = SavedCommentary(tmp_path / "it")
    annotation = np.asarray(saved(saved.add_groups(x, names)))
    np.testing.assert_allclose(
        annotation[:, -1] if composed else annotation, wanted[:-1], rtol=1e-5
    )
    graph = tf.saved_model.load(tmp_path / "it")
    given = {"x": tf.constant(x)} if composed else {}
    served = graph.signatures["annotate"](
        group=tf.constant(names, weighting.columns["group"].dtype), **given
    )["annotation"]
    np.testing.assert_allclose(served, annotation, rtol=1e-5)

    records = [make_example(row, [name]) for row, name in zip(x, names)]
    records += [make_example(x[0], []), make_example(x[0], [unknown(names)])]
    served = graph.signatures["serve_examples"](tf.constant(records))["annotation"]
    last = served[:, -1] if composed else served
    np.testing.assert_allclose(last, [*wanted, mean(names)], rtol=1e-5)


def make_example(x, group):
    features = {"x": tf.train.Feature(float_list=tf.train.FloatList(value=x))}
    if group and isinstance(group[0], str):
        values = tf.train.BytesList(value=[name.encode() for name in group])
        features["group"] = tf.train.Feature(bytes_list=values)
    elif group:
        values = tf.train.Int64List(value=group)
        features["group"] = tf.train.Feature(int64_list=values)
    features = tf.train.Features(feature=features)
    return tf.train.Example(features=features).SerializeToString()


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["a", pd.NA, "b"], dtype="string"),
        pd.Series(["a", None, "b"], dtype="category"),
        pd.Series([1, None, 2]),
        pd.Series([1, None, 2], dtype="Int64"),
        np.ma.masked_equal([1, 0, 2], 0),
        ["a", float("nan"), "b"],
        np.array(["a", pd.NaT, "b"], object),
    ],
    ids=["string", "category", "float", "Int64", "masked", "list", "time"],
)
def test_missing_names_are_counted(column):
    with pytest.raises(ValueError, match="1 of the 3 groups are missing.*'unknown'"):
        GroupWeighting(column)
    weighting = GroupWeighting(["a", "b"])
    with pytest.raises(ValueError, match="1 of the 3 groups are missing.*'unknown'"):
        weighting.add_groups(np.zeros((3, 1)), column)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([["a", "b"], ["a", "c"]], r"one name for each example.*shape \(2, 2\).*dict"),
        ([["a"], ["a", "c"]], "must be strings or integers.*Received: list"),
        ([np.zeros(2), np.zeros(3)], "must be strings or integers.*Received: ndarray"),
        (["a", 1], "all of one kind. Received: int, str"),
        (pd.DataFrame({"a": [1, 2], "b": [3, 4]}), "one name for each example"),
        ([2**63, 1], "beyond int64.*as strings"),
        (np.array([2**63, 1], "uint64"), "beyond int64.*as strings"),
        ([b"\xff", b"a"], "not UTF-8"),
        (["\ud800"], "not Unicode"),
        ([-(2**63)], "stands for a missing group in tf.Examples"),
    ],
    ids=range(10),
)
def test_what_are_no_names_is_said(column, message):
    with pytest.raises(ValueError, match=message) as caught:
        GroupWeighting(column)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "column",
    [
        [["b"], ["a"]],
        pd.DataFrame({"source": ["b", "a"]}),
        np.array([["b"], ["a"]]),
        pd.Series(["b", "a"], dtype="string"),
    ],
    ids=["lists", "DataFrame", "column", "string"],
)
def test_columns_of_one_name_each(column):
    weighting = GroupWeighting(column)
    assert weighting.columns["group"].names == ["a", "b"]
    grouped = weighting.add_groups(np.zeros((2, 1)), column)
    assert grouped["group_index"].ravel().tolist() == [2, 1]


def test_tensors_of_several_names_each_are_refused():
    names = GroupNames(["a", "b"])
    assert names.index(tf.constant([["b"], ["a"]])).numpy().tolist() == [[2], [1]]
    with pytest.raises(ValueError, match=r"one name for each example.*shape \(1, 2\)"):
        names.index(tf.constant([["a", "b"]]))


@pytest.mark.parametrize("names", [["a", "a"], [1, 1]])
def test_names_given_beforehand_are_given_once(names):
    with pytest.raises(ValueError, match="named once"):
        GroupNames(names)


def test_arrays_of_bytes_may_have_no_group():
    weighting = GroupWeighting(["a", "b"], normalize=None)
    weighting.logits["group"].assign([[[2.0]], [[-2.0]]])
    column = np.array([b"b", b"\xff", b"a"], object)  # As read from tf.Examples.
    assert weighting.columns["group"].index(column).tolist() == [2, 0, 1]
