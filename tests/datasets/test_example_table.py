"""tf.Examples as a table."""

import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries.datasets import load_file

KINDS = {
    int: lambda v: tf.train.Feature(int64_list=tf.train.Int64List(value=v)),
    float: lambda v: tf.train.Feature(float_list=tf.train.FloatList(value=v)),
    bytes: lambda v: tf.train.Feature(bytes_list=tf.train.BytesList(value=v)),
}


def write(path, *examples):
    options = "GZIP" if path.suffix == ".gz" else None
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for example in examples:
            features = {
                name: KINDS[type(values[0])](values) if values else tf.train.Feature()
                for name, values in example.items()
            }
            features = tf.train.Features(feature=features)
            writer.write(tf.train.Example(features=features).SerializeToString())
    return str(path)


@pytest.mark.parametrize("name", ["e.tfrecord", "e.tfrecord.gz"])
def test_features_become_columns(name, tmp_path):
    path = write(
        tmp_path / name,
        {"label": [b"cat"], "age": [3], "at": [0.5, 1.0], "site": ["ö".encode()]},
        {"label": [b"dog"], "age": [], "at": [2.0, 1.0], "site": [b"x"]},
        {"label": [b"dog"], "age": [5], "at": [4.0, 1.0], "site": [b"x"]},
    )
    found = load_file(path, columns=["site"])
    assert found.classes == ["cat", "dog"] and found.examples.y.tolist() == [0, 1, 1]
    assert found.encoding.names == ["age", "age is missing", "at[0]", "at[1]"]
    rows = [[3, 0, 0.5, 1], [4, 1, 2, 1], [5, 0, 4, 1]]
    np.testing.assert_array_equal(found.examples.x, rows)
    assert found.columns["site"].tolist() == ["ö", "x", "x"]


def test_images_are_bytes(tmp_path):
    png = tf.io.encode_png(np.full((4, 4, 1), 255, "uint8")).numpy()
    examples = [{"image": [png], "size": [i], "label": [i]} for i in range(2)]
    path = write(tmp_path / "e.tfrecord", *examples)
    found = load_file(path, image="image", image_size=2)
    np.testing.assert_array_equal(found.examples.x, np.ones((2, 2, 2, 3)))
    with pytest.raises(ValueError, match="with images with --image_column"):
        load_file(path)


def test_whole_floats_stay_floats(tmp_path):
    path = write(tmp_path / "e.tfrecord", *({"a": [i], "label": [1.0]} for i in (1, 2)))
    assert load_file(path, labels="numbers").examples.y.tolist() == [1, 1]
    with pytest.raises(ValueError, match="classes, or numbers to predict"):
        load_file(path)


@pytest.mark.parametrize(
    "second, message",
    [
        ({"a": [1, 2], "label": [1]}, "'a' .* as many values"),
        ({"a": [1], "label": [1], "b": [b"\xff\xfe"]}, "bytes that are not text"),
        ({"a": [1]}, "1 of the 2 labels"),
    ],
)
def test_what_does_not_fit_is_named(second, message, tmp_path):
    path = write(tmp_path / "e.tfrecord", {"a": [1], "label": [0]}, second)
    with pytest.raises(ValueError, match=message):
        load_file(path)


def test_other_records_are_refused(tmp_path):
    path = str(tmp_path / "e.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        writer.write(b"nothing of the kind")
    with pytest.raises(ValueError, match="Record 0 .* is not a tf.Example"):
        load_file(path)


def test_a_feature_of_several_types_is_refused(tmp_path):
    path = write(tmp_path / "e.tfrecord", {"label": [1]}, {"label": [b"cat"]})
    with pytest.raises(ValueError, match=r"int64_list at first, but .* in record 1"):
        load_file(path)


@pytest.mark.parametrize("name", ["e.tfrecord", "e.tfrecord.gz"])
def test_a_file_that_ends_early_says_how_many_were_read(name, tmp_path, caplog):
    path = tmp_path / name
    write(path, *[{"label": [i % 2], "age": [i]} for i in range(9)])
    caplog.set_level("INFO", "absl")
    load_file(str(path))
    assert "9 examples in" in caplog.text
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=rf"{name} is damaged or ends early: \d+ rec"):
        load_file(str(path))
