"""Files as TFX and Beam write them: shards, compressed, in folders."""

import gzip

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from command_line import run

from tfcommentaries.datasets import load_file
from tfcommentaries.datasets.files import is_file


def serialized(value, label, site):
    features = {
        "a": tf.train.Feature(float_list={"value": [value]}),
        "label": tf.train.Feature(int64_list={"value": [label]}),
        "site": tf.train.Feature(bytes_list={"value": [site.encode()]}),
    }
    features = tf.train.Features(feature=features)
    return tf.train.Example(features=features).SerializeToString()


@pytest.fixture
def split(tmp_path):
    """What ExampleGen writes of a split: two shards."""
    folder = tmp_path / "Split-train"
    folder.mkdir()
    for shard in range(2):
        path = folder / f"data_tfrecord-0000{shard}-of-00002.gz"
        with tf.io.TFRecordWriter(str(path), "GZIP") as file:
            for i in range(shard * 3, shard * 3 + 3):
                file.write(serialized(i / 2, i % 2, "xy"[shard]))
    return folder


def test_a_folder_a_pattern_and_a_shard_of_examples(split):
    whole = load_file(str(split), columns=["site"])
    assert whole.examples.x[:, 0].tolist() == [0, 0.5, 1, 1.5, 2, 2.5]
    assert whole.columns["site"].tolist() == list("xxxyyy")
    pattern = f"{split}/data*"
    assert is_file(pattern) and load_file(pattern).digest == whole.digest
    shard = f"{split}/data_tfrecord-00001-of-00002.gz"
    assert is_file(shard) and load_file(shard).examples.y.tolist() == [1, 0, 1]
    (split / "data_tfrecord-00000-of-00002.gz").rename(split / "_old")
    with pytest.raises(ValueError, match="1 of the 2 shards .* number 0 is missing"):
        load_file(str(split))


def test_a_damaged_shard_is_named(split):
    path = split / "data_tfrecord-00001-of-00002.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="00001-of-00002.gz is damaged or ends early"):
        load_file(str(split))


@pytest.mark.parametrize("name", ["t-{}-of-00002.csv.gz", "t.csv-{}-of-00002"])
def test_tables_in_shards_are_as_in_one_file(tmp_path, name):
    columns = {
        "a": [1, 2, 3, 4],
        "code": ["7", "8", "b", "x"],
        "there": ["True", "False", "3", "4"],
        "site": ["01", "1", "01", "2"],
        "label": [1, 0, 1, 0],
    }
    table = pd.DataFrame(columns)
    table.to_csv(tmp_path / "whole.csv", index=False)
    folder = tmp_path / "parts"
    folder.mkdir()
    for i in range(2):
        text = table[2 * i : 2 * i + 2].to_csv(index=False)
        path = folder / name.format(f"0000{i}")
        with gzip.open(path, "wt") if path.suffix == ".gz" else open(path, "w") as file:
            file.write(text)
    whole, parts = (
        load_file(str(path), columns=["site"])
        for path in (tmp_path / "whole.csv", folder)
    )
    assert parts.encoding.names == whole.encoding.names
    np.testing.assert_array_equal(parts.examples.x, whole.examples.x)
    assert parts.columns["site"].tolist() == ["01", "1", "01", "2"]
    path.write_bytes(path.read_bytes()[:0])
    with pytest.raises(ValueError, match="empty"):
        load_file(str(folder))


def test_parquet_in_shards(tmp_path):
    for i in range(2):
        table = pd.DataFrame({"a": [i, 2], "label": ["x", "y"]})
        table.to_parquet(tmp_path / f"t-0000{i}-of-00002.parquet")
    found = load_file(str(tmp_path))
    assert found.examples.x[:, 0].tolist() == [0, 2, 1, 2]


@pytest.mark.parametrize(
    "names, message",
    [
        (["a.csv", "b.parquet"], "several formats"),
        (
            ["m-test.tfrecord-00000-of-00001", "m-train.tfrecord-00000-of-00001"],
            "several sets, such as 'm-test.tfrecord' and 'm-train.tfrecord'",
        ),
        (["a.npz", "b.npz"], "2 .npz files"),
    ],
)
def test_what_does_not_belong_together_is_refused(tmp_path, names, message):
    for name in names:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ValueError, match=message):
        load_file(str(tmp_path))
    with pytest.raises(ValueError, match=message):
        load_file(f"{tmp_path}/*")


def test_files_with_other_columns_are_named(tmp_path):
    (tmp_path / "a.csv").write_text("a,label\n1,0\n")
    (tmp_path / "b.csv").write_text("label,a\n1,0\n")
    with pytest.raises(ValueError, match=r"b.csv has the columns \['label', 'a'\]"):
        load_file(str(tmp_path))


def test_a_pattern_without_files_is_named(tmp_path, capsys):
    flags = [f"--run_dir={tmp_path / 'run'}", f"--dataset={tmp_path}/none-*.gz"]
    assert run("learn", *flags, "--checked_column=c") == 1
    assert "There is no file" in capsys.readouterr().err


def test_features_that_only_later_examples_have(tmp_path, monkeypatch):
    monkeypatch.setattr("tfcommentaries.datasets.example_table._TOGETHER", 2)
    path = tmp_path / "e.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as file:
        for i in range(5):
            features = {"label": tf.train.Feature(int64_list={"value": [i % 2]})}
            features["b"] = tf.train.Feature(float_list={"value": [i] * (i > 2)})
            if i == 3:
                features["late"] = tf.train.Feature(int64_list={"value": [9, 8]})
            features = tf.train.Features(feature=features)
            file.write(tf.train.Example(features=features).SerializeToString())
    found = load_file(str(path))
    names = ["b", "b is missing", "late[0]", "late[0] is missing"]
    assert found.encoding.names[:4] == names
    rows = [[3.5, 1, 9, 1]] * 3 + [[3, 0, 9, 0], [4, 0, 9, 1]]
    np.testing.assert_array_equal(found.examples.x[:, :4], rows)
