"""One weight per group: names in, names out."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from models import make_student

from tfcommentaries import (
    CommentaryCallback,
    Composition,
    ExampleWeighting,
    GroupWeighting,
    SavedCommentary,
    export_commentary,
    teach,
)
from tfcommentaries.commentaries import GroupNames

NAMES = np.array(["ann", "bob", "cem"])


@pytest.fixture
def source(vectors):
    return NAMES[np.arange(len(vectors[1])) % 3]


@pytest.fixture
def weighting(source):
    weighting = GroupWeighting(source)
    set_logits(weighting, [-2.0, 0.0, 1.0])
    return weighting


def set_logits(weighting, values, column="group"):
    logits = weighting.logits[column]
    logits.assign(np.broadcast_to(np.reshape(values, [-1, 1, 1]), logits.shape))


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x)))


def test_each_example_has_the_weight_of_its_group(weighting, vectors, source):
    x, y = vectors
    grouped = weighting.add_groups(x, source)
    expected = sigmoid([-2, 0, 1])[np.arange(12) % 3]
    expected /= expected.mean()
    np.testing.assert_allclose(weighting(grouped), expected, rtol=1e-6)
    seen, labels, weights = weighting.teach(grouped, y, np.full(12, 2.0), None)
    np.testing.assert_array_equal(seen, x)
    np.testing.assert_array_equal(labels, y)
    np.testing.assert_allclose(weights, 2 * expected, rtol=1e-6)


def test_each_example_needs_a_group(weighting, vectors, source):
    with pytest.raises(ValueError, match="as many groups as examples.*11 for 12"):
        weighting.add_groups(vectors[0], source[1:])
    with pytest.raises(ValueError, match="as many groups of 'shop' as examples"):
        GroupWeighting({"shop": source}).add_groups(vectors[0], {"shop": source[1:]})
    x = tf.constant(vectors[0])
    assert set(weighting.add_groups(x, tf.constant(source))) == {"x", "group_index"}


def test_unknown_groups_get_the_mean_weight_and_are_counted():
    weighting = GroupWeighting(["ann"] * 3 + ["bob"])
    set_logits(weighting, [1.0, -1.0])
    with pytest.warns(UserWarning, match="2 of 3 examples.*dan, eve.*mean weight"):
        grouped = weighting.add_groups(np.zeros((3, 1)), ["eve", "dan", "bob"])
    mean = 0.75 * sigmoid(1) + 0.25 * sigmoid(-1)
    expected = [1, 1, sigmoid(-1) / mean]
    np.testing.assert_allclose(weighting(grouped), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "column",
    [
        [2019, 2021, 2019],
        np.array(["a", "b", "a"]),
        np.array([b"a", b"b", b"a"], object),
        pd.Series(["a", "b", "a"]),
        pd.Series(["a", "b", "a"], dtype="category"),
        pd.Series(["a", "b", "a"], dtype="string"),
        pd.Series([7, 8, 7], dtype="Int64"),
    ],
    ids=lambda c: str(getattr(c, "dtype", type(c).__name__)),
)
def test_groups_may_be(column):
    weighting = GroupWeighting(column, normalize=None)
    set_logits(weighting, [-1.0, 1.0])
    grouped = weighting.add_groups(np.zeros((3, 2)), column)
    np.testing.assert_allclose(weighting(grouped), sigmoid([-1, 1, -1]), rtol=1e-6)
    assert [row["examples"] for row in weighting.table()] == [1, 2]


@pytest.mark.parametrize(
    "column, message",
    [
        (["a", None, float("nan")], "2 of the 3 groups are missing.*'unknown'"),
        ([0.5, 1.0], r"must be strings or integers.* Received: float.*str\(name\)"),
        (np.array([0.5]), r"strings or integers. Received: float64.*astype\(str\)"),
        ([], "must be strings or integers|at least one group"),
    ],
)
def test_bad_groups_are_named(column, message):
    with pytest.raises(ValueError, match=message):
        GroupWeighting(column)


def test_inputs_without_groups_are_named(weighting, vectors):
    with pytest.raises(ValueError, match="needs the groups.*inputs alone.*add_groups"):
        weighting(vectors[0])
    with pytest.raises(ValueError, match="must be strings.*Received: int32"):
        weighting.add_groups(vectors[0], tf.zeros([12], tf.int32))


def test_several_columns_add_their_logits(vectors):
    x, _ = vectors
    columns = {"annotator": NAMES[np.arange(12) % 3], "year": np.arange(12) % 2 + 2020}
    weighting = GroupWeighting(columns, normalize=None)
    set_logits(weighting, [-1.0, 0.0, 2.0], "annotator")
    set_logits(weighting, [0.0, 0.5], "year")
    found = weighting(weighting.add_groups(x, columns))
    expected = sigmoid(
        np.array([-1, 0, 2])[np.arange(12) % 3] + 0.5 * (np.arange(12) % 2)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert {row["column"] for row in weighting.table()} == {"annotator", "year"}
    assert "annotator cem" in str(weighting.table())


def test_by_class_and_over_training(vectors, source):
    x, y = vectors
    weighting = GroupWeighting(source, 3, curriculum=True, normalize=None)
    values = np.random.default_rng(0).normal(size=(3, 3, 5))
    weighting.logits["group"].assign(values)
    grouped = weighting.add_groups(x, source)
    group = np.arange(12) % 3
    for progress, expected in (
        (0.0, values[group, y, 0]),
        (0.625, values[group, y, 2:4].mean(-1)),
        (1.0, values[group, y, 4]),
    ):
        found = weighting(grouped, y=y, progress=progress)
        np.testing.assert_allclose(found, sigmoid(expected), rtol=1e-5)
        one_hot = weighting(grouped, y=np.eye(3)[y], progress=progress)
        np.testing.assert_allclose(one_hot, found, rtol=1e-6)
    row = weighting.table()[0]
    assert len(row["weight_by_class"]) == 3 and len(row["weight_over_training"]) == 5


def test_a_batch_from_one_group_or_of_one_example_is_weighted(vectors, source):
    x, y = vectors
    order = np.argsort(source, kind="stable")
    models = [make_student((5,), 3) for _ in range(2)]
    models[1].set_weights(models[0].get_weights())
    weighting = GroupWeighting(source)
    set_logits(weighting, [-2.0, 0.0, 1.0])
    weights = sigmoid([-2, 0, 1])[np.arange(12) % 3]
    for batch_size in 4, 1:
        options = {
            "batch_size": batch_size,
            "shuffle": False,
            "verbose": 0,
            "epochs": 2,
        }
        models[0].fit(
            weighting.add_groups(x[order], source[order]),
            y[order],
            callbacks=[CommentaryCallback(weighting)],
            **options,
        )
        models[1].fit(
            x[order],
            y[order],
            sample_weight=(weights / weights.mean())[order],
            **options,
        )
        for a, b in zip(*(model.get_weights() for model in models)):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_the_mean_over_columns_classes_and_training(vectors):
    x, y = vectors
    columns = {"annotator": NAMES[np.arange(12) % 3], "year": np.arange(12) // 9}
    weighting = GroupWeighting(columns, num_classes=3, curriculum=True)
    generator = np.random.default_rng(0)
    for logits in weighting.logits.values():
        logits.assign(generator.normal(size=logits.shape))
    plain = GroupWeighting.from_config({**weighting.get_config(), "normalize": None})
    plain.set_weights(weighting.get_weights())
    grouped = weighting.add_groups(x, columns)
    unknown = {"annotator_index": np.zeros(3, int), "year_index": np.zeros(3, int)}
    for progress in 0.0, 0.6, 1.0:
        mean = np.mean(plain(unknown, y=np.arange(3), progress=progress))
        expected = plain(grouped, y=y, progress=progress).numpy() / mean
        found = weighting(grouped, y=y, progress=progress)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_table_can_be_read(weighting):
    table = weighting.table({"ann": 0.75, "bob": 0.5, "cem": 0.0})
    assert [row["group"] for row in table] == ["cem", "bob", "ann"]
    assert str(table).splitlines() == [
        "group  examples  weight  disagreement  advice",
        "cem           4    0.73            0%  trust",
        "bob           4    0.50           50%  trust",
        "ann           4    0.12           75%  look at",
    ]
    assert table.trusted() == ["cem", "bob"]


def test_several_learnings_give_intervals_and_surer_advice(weighting):
    learned = [[-2.0, 0.0, 1.0], [-2.2, -1.0, 1.2], [-1.8, -0.5, 0.8]]
    weighting.combine([[np.reshape(logits, [3, 1, 1])] for logits in learned])
    table = weighting.table({"bob": 0.5})
    assert str(table).splitlines() == [
        "group  examples  weight  interval      disagreement  advice",
        "cem           4    0.73  0.69 to 0.77                trust",
        "bob           4    0.38  0.27 to 0.50           50%  cannot tell",
        "ann           4    0.12  0.10 to 0.14                drop",
    ]
    # To train on, the likely ones are kept.
    assert table.trusted() == ["cem", "bob"]
    weighting.logits["group"].assign([[[-2.0]], [[-1.0]], [[1.0]]])
    assert weighting.table().advice() == ["trust", "cannot tell", "drop"]
    assert weighting.trusted() == ["cem"]
    page = table._repr_html_()
    assert "<th>interval</th>" in page and "<td>0.27 to 0.50</td>" in page
    # New learning knows nothing of them.
    weighting.combine([])
    table = weighting.table()
    assert "interval" not in str(table) and "interval" not in table._repr_html_()
    assert table[0]["weight"] == pytest.approx(sigmoid(1.0))


def test_intervals_are_those_of_the_weight_in_the_table():
    columns = {"by": ["ann", "bob"], "year": [1, 2]}
    weighting = GroupWeighting(columns, num_classes=2, curriculum=True)
    learned = [
        [np.full([2, 2, 5], value), np.full([2, 2, 5], value / 2)]
        for value in (-1.0, 2.0)
    ]
    found = []
    for values in learned:
        for logits, value in zip(weighting.logits.values(), values):
            logits.assign(value)
        found.append([row["weight"] for row in weighting.table()])
    weighting.combine(learned)
    for row, weights in zip(weighting.table(), zip(*found)):
        assert (row["low"], row["high"]) == pytest.approx((min(weights), max(weights)))
        assert row["low"] < row["weight"] < row["high"]
    for logits, values in zip(weighting.logits.values(), zip(*learned)):
        np.testing.assert_allclose(logits, np.mean(values, 0))


def test_a_table_that_was_not_learned_says_so(source):
    with pytest.warns(UserWarning, match="All weights .* are 0.5, as before learning"):
        assert len(GroupWeighting(source).table()) == 3


def test_the_config_makes_the_same(weighting):
    again = GroupWeighting.from_config(weighting.get_config())
    assert again.columns["group"].names == NAMES.tolist()
    assert again.columns["group"].counts == [4, 4, 4]


def test_a_data_set_of_names_is_taught(weighting, vectors, source):
    x, y = vectors
    data = tf.data.Dataset.from_tensor_slices((x, y, source)).batch(12)
    grouped = data.map(lambda x, y, source: (weighting.add_groups(x, source), y))
    (batch,) = teach(grouped, weighting)
    expected = weighting.teach(weighting.add_groups(x, source), y)
    for found, wanted in zip(batch, expected):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
    # Names may also stand in x as they are.
    named = data.map(lambda x, y, source: ({"x": x, "group": source}, y))
    (batch,) = teach(named, weighting)
    np.testing.assert_allclose(batch[2], expected[2], rtol=1e-6)


def test_a_saved_one_teaches_a_fit(weighting, vectors, source, tmp_path):
    x, y = vectors
    weighting(weighting.add_groups(x, source))
    export_commentary(weighting, tmp_path / "saved")
    saved = SavedCommentary(tmp_path / "saved")
    grouped = saved.add_groups(x, source)
    np.testing.assert_allclose(saved(grouped), weighting(grouped), rtol=1e-6)
    named = {"x": tf.constant(x), "group": tf.constant(source)}
    np.testing.assert_allclose(saved(named), weighting(grouped), rtol=1e-6)
    models = [make_student((5,), 3) for _ in range(2)]
    models[1].set_weights(models[0].get_weights())
    options = {"shuffle": False, "epochs": 2, "verbose": 0}
    models[0].fit(grouped, y, callbacks=[CommentaryCallback(saved)], **options)
    weights = np.asarray(weighting.teach(grouped, y)[2])
    models[1].fit(x, y, sample_weight=weights, batch_size=32, **options)
    for a, b in zip(*(model.get_weights() for model in models)):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_known_names_may_be_given_beforehand():
    weighting = GroupWeighting(GroupNames(["a", "b"]))
    assert weighting.columns["group"].counts == [1, 1]
    with pytest.raises(ValueError, match="at least one group"):
        GroupNames([])


def test_other_kinds_have_no_groups(vectors, tmp_path):
    with pytest.raises(ValueError, match="No part"):
        Composition([ExampleWeighting()]).add_groups(vectors[0], NAMES)
    weighting = ExampleWeighting()
    weighting(vectors[0])
    export_commentary(weighting, tmp_path / "it")
    with pytest.raises(ValueError, match="example_weighting, which has no groups"):
        SavedCommentary(tmp_path / "it").add_groups(vectors[0], NAMES)


def test_float16_policies_do_not_reach_it(mixed_float16, source):
    assert GroupWeighting(source).logits["group"].dtype == "float32"
    assert keras.config.dtype_policy().name == "mixed_float16"


def test_the_table_of_very_many_groups_is_in_order():
    # Looking at all groups once for each would take minutes.
    names = GroupNames([f"source {i}" for i in range(30_000)], [1] * 30_000)
    weighting = GroupWeighting({"source": names})
    set_logits(weighting, np.linspace(-2, 2, 30_000), "source")
    table = weighting.table()
    assert [row["group"] for row in table[:2]] == ["source 29999", "source 29998"]
