"""Tables as CsvExampleGen writes them: whole numbers, strings, missing values."""

import json
import os

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from components.test_commentary_annotator import annotate, feature, read
from components.test_commentary_gen import do
from sklearn.datasets import load_wine
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils

from tfcommentaries import SavedCommentary
from tfcommentaries.components.artifact import commentary_dir
from tfcommentaries.components.commentary_gen import learning

COLUMNS = ["alcohol", "magnesium", "cellar"]
RECIPE = {
    "features": COLUMNS,
    "label": "kind",
    "num_classes": 3,
    "commentary_config": {"num_classes": 3, "curriculum": False},
    "student": "tfcommentaries.students.mlp",
    "student_config": {"units": [8]},
    "learner_config": {"inner_steps": 3},
    "validation_batch_size": 32,
}


@pytest.fixture(scope="module")
def wine():
    """Wine with a column of strings, some values missing; 178 rows."""
    x, y = load_wine(return_X_y=True, as_frame=True)
    table = x[["alcohol", "magnesium"]].copy()
    table["magnesium"] = table["magnesium"].astype("Int64")
    table["cellar"] = np.array(["north", "south"])[np.arange(len(y)) % 2]
    table["kind"] = y.astype("Int64")
    table = table.sample(frac=1.0, random_state=0, ignore_index=True)
    for row, column in (3, "alcohol"), (5, "magnesium"), (8, "cellar"), (11, "kind"):
        table.loc[row, column] = None
    return table


def as_example(row):
    """One row as CsvExampleGen writes it: a missing value is an empty list."""
    features = {}
    for name, value in row.items():
        if pd.isna(value):
            kind = "bytes_list" if name == "cellar" else "int64_list"
            kind = "float_list" if name == "alcohol" else kind
            features[name] = tf.train.Feature(**{kind: {}})
        elif isinstance(value, str):
            values = tf.train.BytesList(value=[value.encode()])
            features[name] = tf.train.Feature(bytes_list=values)
        elif isinstance(value, float):
            values = tf.train.FloatList(value=[value])
            features[name] = tf.train.Feature(float_list=values)
        else:
            values = tf.train.Int64List(value=[value])
            features[name] = tf.train.Feature(int64_list=values)
    return tf.train.Example(features=tf.train.Features(feature=features))


def examples_of(uri, **splits):
    artifact = standard_artifacts.Examples()
    artifact.uri = str(uri)
    artifact.split_names = artifact_utils.encode_split_names(list(splits))
    for name, table in splits.items():
        os.makedirs(f"{uri}/Split-{name}")
        with tf.io.TFRecordWriter(f"{uri}/Split-{name}/data.gz", "GZIP") as writer:
            for _, row in table.astype(object).iterrows():
                writer.write(as_example(row).SerializeToString())
    return artifact


def schema_of(uri, table, sizes=()):
    """What SchemaGen infers: no shape where a value is missing."""
    schema = schema_pb2.Schema()
    for name, dtype in table.dtypes.items():
        kinds = {"f": schema_pb2.FLOAT, "i": schema_pb2.INT, "O": schema_pb2.BYTES}
        one = schema.feature.add(
            name=name, type=kinds.get(dtype.kind, schema_pb2.BYTES)
        )
        if table[name].isna().any():
            one.value_count.min = one.value_count.max = 1
        else:
            one.presence.min_fraction = 1.0
            one.shape.dim.add(size=1)
    artifact = standard_artifacts.Schema()
    artifact.uri = str(uri)
    io_utils.write_pbtxt_file(os.path.join(uri, "schema.pbtxt"), schema)
    return artifact


@pytest.fixture
def table_artifacts(artifacts, wine, tmp_path, monkeypatch):
    # Other tests look at these.
    monkeypatch.setattr(learning, "write_pictures", lambda *_: None)
    artifacts.examples = examples_of(
        tmp_path / "wine", train=wine[:120], eval=wine[120:]
    )
    artifacts.schema = schema_of(tmp_path / "wine-schema", wine)
    return artifacts


def saved(artifacts):
    return SavedCommentary(commentary_dir(artifacts.commentary.uri))


def serve(commentary, table):
    records = [as_example(row) for _, row in table.astype(object).iterrows()]
    records = tf.constant([record.SerializeToString() for record in records])
    served = tf.saved_model.load(commentary.directory).signatures["serve_examples"]
    return served(records)["annotation"].numpy()


def matrix(table, alcohol=None):
    """What the features of `RECIPE` become."""
    strings = [table["cellar"] == name for name in ("north", "south")]
    alcohols = table["alcohol"] if alcohol is None else table["alcohol"].fillna(alcohol)
    columns = [alcohols, table["magnesium"], *strings]
    return np.stack([np.asarray(c, "float32") for c in columns], 1)


def test_what_is_missing_is_counted_alike_everywhere(table_artifacts, wine, tmp_path):
    do(table_artifacts, RECIPE)
    commentary = saved(table_artifacts)
    assert commentary.manifest["learned"]["left_out"] == {
        "training": 4,
        "validation": 0,
    }
    annotated, rejected = annotate(
        table_artifacts.examples,
        table_artifacts.commentary,
        tmp_path,
        max_rejected=0.05,
    )
    lacking = wine[:120].isna().any(axis=1)
    assert len(read(rejected)) == 4 and not read(rejected, "eval")
    assert [e.features.feature["magnesium"] for e in read(rejected)] == [
        as_example(row).features.feature["magnesium"]
        for _, row in wine[:120][lacking].astype(object).iterrows()
    ]
    complete = wine[:120][~lacking]
    labels = complete["kind"].to_numpy("int64")
    expected = commentary(matrix(complete), y=labels).numpy()
    assert np.ptp(expected) > 0
    found = [feature(example, "commentary") for example in read(annotated)]
    np.testing.assert_allclose(np.ravel(found), expected, rtol=1e-5)
    np.testing.assert_allclose(serve(commentary, complete), expected, rtol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="lacks one of"):
        serve(commentary, wine[:5])


def test_fill_values_stand_for_what_is_missing(table_artifacts, wine, tmp_path):
    fill = {"alcohol": 13.0, "magnesium": 100, "cellar": "north"}
    do(table_artifacts, {**RECIPE, "fill_values": fill})
    commentary = saved(table_artifacts)
    # The label of one cannot be filled.
    assert commentary.manifest["learned"]["left_out"]["training"] == 1
    filled = wine[:10].assign(magnesium=wine["magnesium"].fillna(100))
    filled["cellar"] = filled["cellar"].fillna("north")
    labels = filled["kind"].to_numpy("int64")
    expected = commentary(matrix(filled, 13.0), y=labels)
    np.testing.assert_allclose(serve(commentary, wine[:10]), expected, rtol=1e-5)
    _, rejected = annotate(
        table_artifacts.examples,
        table_artifacts.commentary,
        tmp_path,
        max_rejected=0.05,
    )
    assert len(read(rejected)) == 1


def test_string_labels_are_classes(table_artifacts, wine, tmp_path):
    names = np.array(["barolo", "grignolino", "barbera"])
    table = wine.dropna().copy()
    table["kind"] = names[table["kind"].to_numpy("int64")]
    table_artifacts.examples = examples_of(
        tmp_path / "named", train=table[:110], eval=table[110:]
    )
    table_artifacts.schema = schema_of(tmp_path / "named-schema", table)
    do(table_artifacts, {**RECIPE, "num_classes": None})
    commentary = saved(table_artifacts)
    reading = commentary.manifest["reading"]
    assert reading["columns"]["kind"]["vocabulary"] == sorted(names)
    assert reading["num_classes"] == 3
    labels = np.searchsorted(sorted(names), table["kind"])
    expected = commentary(matrix(table), y=labels)
    np.testing.assert_allclose(serve(commentary, table), expected, rtol=1e-5)


def test_regression_labels_stay_floats(table_artifacts, wine, tmp_path, monkeypatch):
    monkeypatch.undo()  # These have no classes to draw.
    table = wine.dropna().drop(columns="kind").assign(price=wine["alcohol"] / 3)
    table_artifacts.examples = examples_of(
        tmp_path / "priced", train=table[:110], eval=table[110:]
    )
    table_artifacts.schema = schema_of(tmp_path / "priced-schema", table)
    recipe = {
        **RECIPE,
        "label": "price",
        "num_classes": None,
        "commentary_config": {},
        "student_config": {"units": [8], "num_classes": 1},
    }
    do(table_artifacts, recipe)
    metrics = table_artifacts.commentary.get_string_custom_property("outer_metric")
    # A squared error of prices of some 4, and not of classes.
    assert "mae" in json.loads(metrics)


def test_missing_may_be_an_error(table_artifacts):
    with pytest.raises(ValueError, match="4 of 120 training examples lack one of"):
        do(table_artifacts, {**RECIPE, "missing": "error"})


def test_vectors_beside_scalars(artifacts, tmp_path, digits):
    def example(vector, label, short=False):
        values = tf.train.FloatList(value=vector[: 3 if short else None])
        whole = tf.train.Int64List(value=[int(label)])
        features = {
            "pixels": tf.train.Feature(float_list=values),
            "twice": tf.train.Feature(
                int64_list=tf.train.Int64List(value=[2 * int(label)])
            ),
            "label": tf.train.Feature(int64_list=whole),
        }
        return tf.train.Example(features=tf.train.Features(feature=features))

    x, y = digits.train.x[:200].reshape(200, 64), digits.train.y[:200]
    artifacts.examples = standard_artifacts.Examples()
    artifacts.examples.uri = str(tmp_path / "vectors")
    artifacts.examples.split_names = artifact_utils.encode_split_names(
        ["train", "eval"]
    )
    for split, rows in ("train", range(150)), ("eval", range(150, 200)):
        os.makedirs(tmp_path / "vectors" / f"Split-{split}")
        file = str(tmp_path / "vectors" / f"Split-{split}" / "data.gz")
        with tf.io.TFRecordWriter(file, "GZIP") as writer:
            for i in rows:
                record = example(x[i], y[i], short=i == 7)
                writer.write(record.SerializeToString())
    schema = schema_pb2.Schema()
    schema.feature.add(name="pixels", type=schema_pb2.FLOAT)
    for name in "twice", "label":
        schema.feature.add(name=name, type=schema_pb2.INT).value_count.max = 1
    artifacts.schema = standard_artifacts.Schema()
    artifacts.schema.uri = str(tmp_path / "vector-schema")
    io_utils.write_pbtxt_file(str(tmp_path / "vector-schema" / "schema.pbtxt"), schema)
    recipe = {**RECIPE, "features": ["pixels", "twice"], "label": "label"}
    recipe |= {"num_classes": 10, "commentary_config": {"num_classes": 10}}
    do(artifacts, recipe)
    commentary = saved(artifacts)
    # The example with three pixels lacks the others.
    assert commentary.manifest["learned"]["left_out"]["training"] == 1
    seen = np.concatenate([x[:5], 2 * y[:5, None]], 1)
    expected = commentary(seen, y=y[:5])
    records = [example(a, b).SerializeToString() for a, b in zip(x[:5], y)]
    served = tf.saved_model.load(commentary.directory).signatures["serve_examples"]
    found = served(tf.constant(records))["annotation"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"batch_size": "32"}, "batch_size must be a whole number"),
        ({"learning_rate": -1}, "learning_rate must be above 0"),
        ({"image_shape": [8, 8]}, r"`image_shape` must be \(height, width"),
        ({"fill_values": {"price": 1}}, r"`fill_values` names \['price'\]"),
        ({"fill_values": {"cellar": 1}}, "`fill_values` has 1 for 'cellar'"),
        ({"missing": "ignore"}, "missing must be 'drop' or 'error'"),
        ({"num_classes": 2}, "label kind must be from 0 to 1"),
        ({"features": "cellar", "image_shape": [8, 8, 1]}, "cannot be read"),
        ({"features": "alcohol", "image_shape": [8, 8, 1]}, "holds images"),
        ({"student_config": {"layers": 3}}, "cannot be made with"),
        ({"commentary_config": {"classes": 3}}, "does not fit ExampleWeighting"),
    ],
)
def test_recipes_are_checked_before_learning(change, message, table_artifacts):
    with pytest.raises(ValueError, match=message):
        do(table_artifacts, {**RECIPE, **change})
    assert not os.path.exists(commentary_dir(table_artifacts.commentary.uri))
