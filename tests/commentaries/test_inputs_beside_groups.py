"""What may stand beside groups, and under which names."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from models import make_linear

from tfcommentaries import (
    CommentaryCallback,
    CommentaryLearner,
    Composition,
    ExampleWeighting,
    GroupWeighting,
    LearnCommentaryCallback,
    SavedCommentary,
    SoftLabels,
    export_commentary,
    teach,
    teaching,
)
from tfcommentaries.commentaries.input_arrays import input_arrays

SOURCE = np.array(["a", "b"] * 20)
LOGITS = np.array([[[-1.0]], [[1.0]]])
#: Weights by hand: each divided by the mean of a batch with as many of both.
WEIGHTS = np.tile([1 / (1 + np.e), 1 / (1 + 1 / np.e)], 20) * 2


def weighting(column="group"):
    made = GroupWeighting({column: SOURCE})
    made.logits[column].assign(LOGITS)
    return made


@pytest.mark.parametrize("name", ["group", "group_index"])
def test_features_with_the_name_of_a_column_of_groups_are_refused(name, tmp_path):
    x = {name: np.zeros((40, 1)), "y": np.zeros((40, 1))}
    known = weighting()
    known(known.add_groups(np.zeros((40, 1)), SOURCE))
    export_commentary(known, tmp_path / "it")
    for one in (
        known,
        Composition([ExampleWeighting(), known]),
        SavedCommentary(tmp_path / "it"),
    ):
        with pytest.raises(
            ValueError,
            match=f"already have an entry {name}.*GroupWeighting.{{'source': source}}",
        ):
            one.add_groups(x, SOURCE)
    other = weighting("source")
    grouped = other.add_groups(x, {"source": SOURCE})
    left = other.student_inputs(grouped)
    assert set(left) == set(x) and left[name] is x[name]


def test_columns_with_the_name_of_integers_of_another_are_refused():
    with pytest.raises(ValueError, match="'?a_index'? has the name of the integers"):
        GroupWeighting({"a": SOURCE, "a_index": SOURCE})


@pytest.mark.parametrize(
    ("column", "served"),
    [("data source", "data_source"), ("a/b", "a_b"), ("_ü", "column__")],
)
def test_columns_of_any_name_are_exported(column, served, tmp_path):
    known = weighting(column)
    grouped = known.add_groups(np.zeros((40, 1)), {column: SOURCE})
    expected = known(grouped)
    export_commentary(known, tmp_path / "it")
    saved = SavedCommentary(tmp_path / "it")
    np.testing.assert_allclose(saved(grouped), expected, rtol=1e-6)
    annotate = tf.saved_model.load(tmp_path / "it").signatures["annotate"]
    found = annotate(**{served: tf.constant(SOURCE)})["annotation"]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_columns_of_another_name_are_named(tmp_path):
    x = np.zeros((40, 1))
    known = weighting("vendor")
    known(known.add_groups(x, {"vendor": SOURCE}))
    export_commentary(known, tmp_path / "it")
    for one in known, SavedCommentary(tmp_path / "it"), Composition([known]):
        with pytest.raises(
            ValueError, match="needs vendor, received group.*'vendor': "
        ):
            one.add_groups(x, SOURCE)
        with pytest.raises(ValueError, match="needs vendor, received vendor, year"):
            one.add_groups(x, {"vendor": SOURCE, "year": SOURCE})


def test_several_weightings_each_take_their_columns():
    parts = weighting("vendor"), weighting("site")
    both = Composition(parts)
    x, y = np.zeros((40, 2), "float32"), np.zeros(40)
    columns = {"vendor": SOURCE, "site": SOURCE[::-1]}
    seen, _, weights = both.teach(both.add_groups(x, columns), y)
    np.testing.assert_array_equal(seen, x)
    np.testing.assert_allclose(weights, WEIGHTS * WEIGHTS[::-1], rtol=1e-5)
    with pytest.raises(ValueError, match="needs site, received year"):
        both.add_groups(x, {"vendor": SOURCE, "year": SOURCE})
    with pytest.raises(ValueError, match=r"parts .* have the columns \['site'\]"):
        Composition([parts[1], weighting("site")])


def two_inputs():
    inputs = [keras.Input((4, 4, 1)), keras.Input((3,))]
    flat = keras.layers.Concatenate()([keras.layers.Flatten()(inputs[0]), inputs[1]])
    model = keras.Model(inputs, keras.layers.Dense(3)(flat))
    model.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    generator = np.random.default_rng(0)
    model.set_weights([generator.normal(size=w.shape) for w in model.get_weights()])
    return model


@pytest.fixture
def pair():
    generator = np.random.default_rng(1)
    image, meta = generator.normal(size=(40, 4, 4, 1)), generator.normal(size=(40, 3))
    return [image.astype("float32"), meta.astype("float32")], np.arange(40) % 3


@pytest.fixture
def plain(pair):
    """A model that Keras trained with the weights by hand."""
    model = two_inputs()
    model.fit(
        *pair, sample_weight=WEIGHTS, batch_size=20, shuffle=False, epochs=2, verbose=0
    )
    return model


def test_lists_of_inputs_are_taught_in_fit(pair, plain):
    x, y = pair
    known, model = weighting(), two_inputs()
    grouped = known.add_groups(x, SOURCE)
    callback = CommentaryCallback(known)
    history = model.fit(
        grouped,
        y,
        batch_size=20,
        shuffle=False,
        epochs=2,
        callbacks=[callback],
        validation_data=(grouped, y),
        verbose=0,
    ).history
    for a, b in zip(model.get_weights(), plain.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert history["val_loss"][-1] == pytest.approx(model.evaluate(x, y, verbose=0))
    found = model.evaluate(grouped, y, callbacks=[callback], verbose=0)
    assert found == pytest.approx(history["val_loss"][-1])


def test_lists_of_inputs_are_taught_in_a_pipeline(pair, plain):
    x, y = pair
    known, model = weighting(), two_inputs()
    data = tf.data.Dataset.from_tensor_slices((known.add_groups(x, SOURCE), y))
    model.fit(teach(data.batch(20), known), epochs=2, verbose=0)
    for a, b in zip(model.get_weights(), plain.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_lists_of_inputs_are_learned_evaluated_and_exported(pair, tmp_path):
    x, y = pair
    known = GroupWeighting(SOURCE)
    grouped = known.add_groups(x, SOURCE)
    learner = CommentaryLearner(known, two_inputs(), inner_steps=2)
    learner.compile()
    learner.fit((grouped, y), (x, y), batch_size=8, steps_per_epoch=2, verbose=0)
    assert np.abs(known.logits["group"]).min() > 0
    callback = LearnCommentaryCallback(known, (x, y), warmup=0)
    two_inputs().fit(grouped, y, callbacks=[callback], validation_split=0.2, verbose=0)
    conditions = [
        teaching.Condition("taught", data=(grouped, y), commentary=known),
        teaching.Condition("plain", data=(x, y)),
    ]
    some = {"steps": (1, 2), "seeds": 1, "batch_size": 8, "tested_on_the_way": 8}
    found = teaching.evaluate(two_inputs(), conditions, (x, y), **some)
    for one in conditions:
        assert np.isfinite(found.score(one, metric="loss").mean)
    export_commentary(known, tmp_path / "it")
    saved = SavedCommentary(tmp_path / "it")
    grouped = saved.add_groups(x, SOURCE)
    np.testing.assert_allclose(saved(grouped), known(grouped), rtol=1e-6)
    assert [part.shape for part in saved.student_inputs(grouped)] == [
        part.shape for part in x
    ]


def test_a_list_of_inputs_that_is_seen_cannot_be_exported(pair, tmp_path):
    both = Composition([SoftLabels(3), weighting()])
    both.teach(both.add_groups(pair[0], SOURCE), pair[1])
    with pytest.raises(ValueError, match="by name.*list of inputs. Learn it on a dict"):
        export_commentary(both, tmp_path / "it")


TABLE = pd.DataFrame({"a": [1, 2, 3], "b": [True, False, True], "c": [0.5, 1.5, 2.5]})
NUMBERS = [[1, 1, 0.5], [2, 0, 1.5], [3, 1, 2.5]]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (TABLE, NUMBERS),
        (TABLE.astype({"a": "Int64", "c": object}), NUMBERS),
        (NUMBERS, NUMBERS),
        (np.array([*map(np.array, NUMBERS), None], object)[:3], NUMBERS),
        (pd.Series(NUMBERS), NUMBERS),
        (np.array(NUMBERS, object), NUMBERS),
        (pd.Series([1, None, 2], dtype="Int64"), [1, np.nan, 2]),
        (np.array([1, 2], object), [1, 2]),
        (["a", "b"], ["a", "b"]),
        (np.array(["a", None], object), ["a", None]),
        ((1, 2), [1, 2]),
    ],
    ids=range(11),
)
def test_inputs_come_in_many_forms(given, expected):
    found = input_arrays({"x": [given, np.zeros(3)]})["x"][0]
    np.testing.assert_array_equal(found, np.array(expected, found.dtype))
    assert np.ndim(found) == np.ndim(expected)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (TABLE.assign(kind="red"), "'kind' .*such as 'red'.*drop.columns='kind'"),
        (TABLE.assign(kind=pd.Categorical(["x", "y", "x"])), "'kind' .*such as 'x'"),
        (TABLE.assign(day=pd.Timestamp("2026-01-02")), "'day' .*times, such as '2026"),
        (TABLE.assign(day=pd.Timestamp("2026-01-02", tz="UTC")), "'day' .*'2026"),
        ([[1, 2], [3]], "lists differ in length. Pad them"),
        (np.array([np.zeros(2), np.zeros(3)], object), r"shapes \(2,\) and \(3,\)"),
    ],
    ids=range(6),
)
def test_inputs_that_are_no_numbers_are_named(given, message):
    known = GroupWeighting(["a", "b"])
    with pytest.raises(ValueError, match=message):
        known.add_groups(given, ["a"] * len(given))
    learner = CommentaryLearner(known, make_linear((2,)))
    learner.compile()
    y = np.zeros(len(given))
    with pytest.raises(ValueError, match=message):
        learner.fit(({"x": given, "group": ["a"] * len(given)}, y), (y, y), verbose=0)
    with pytest.raises(ValueError, match=message):
        LearnCommentaryCallback(known, (given, y))
