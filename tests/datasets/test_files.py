"""Files of examples: what they give, and what does not fit."""

import json

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tfcommentaries.datasets import TableEncoding, load_file


@pytest.fixture
def arrays(tmp_path):
    """Writes an .npz file of two examples; gives its path."""

    def write(**changes):
        content = {"x": np.eye(2), "y": np.array(["dog", "cat"]), "site": [7, 8]}
        path = tmp_path / "data.npz"
        np.savez(path, **{**content, **changes})
        return str(path)

    return write


def test_arrays_with_named_classes(arrays):
    (x, y), classes, columns, *_ = load_file(arrays(), columns=["site"])
    assert classes == ["cat", "dog"]
    np.testing.assert_array_equal(y, [1, 0])
    np.testing.assert_array_equal(x, np.eye(2))
    assert x.dtype == np.float32 and columns["site"].tolist() == [7, 8]


def test_numbers_to_predict(arrays):
    found = load_file(arrays(y=np.array([0.5, 1])))
    assert found.classes is None and found.examples.y.dtype == np.float32
    np.testing.assert_array_equal(found.examples.y, [0.5, 1])
    whole = arrays(y=np.array([7.0, 5.0]))
    assert load_file(whole, labels="numbers").examples.y.tolist() == [7, 5]
    (_, y), classes, *_ = load_file(whole, labels="classes")
    assert classes == [5, 7] and y.tolist() == [1, 0]


@pytest.fixture
def saved_data_set(tmp_path):
    """Writes what `save_to_disk` does of a `pyarrow.Table`; gives the folder."""

    def write(table, features):
        folder = tmp_path / "saved"
        folder.mkdir()
        half = len(table) // 2
        for name, part in ("a.arrow", table[:half]), ("b.arrow", table[half:]):
            with pa.ipc.new_stream(folder / name, part.schema) as file:
                file.write_table(part)
        files = [{"filename": "a.arrow"}, {"filename": "b.arrow"}]
        (folder / "state.json").write_text(json.dumps({"_data_files": files}))
        info = json.dumps({"features": features})
        (folder / "dataset_info.json").write_text(info)
        return str(folder)

    return write


def test_data_sets_that_hugging_face_saved(saved_data_set, tmp_path):
    table = pa.table({"a": [1.5, 2, 3], "label": [1, 0, 1]})
    path = saved_data_set(
        table,
        {
            "a": {"dtype": "float64", "_type": "Value"},
            "label": {"names": ["dog", "cat"], "_type": "ClassLabel"},
        },
    )
    (x, y), classes, *_ = load_file(path)
    assert classes == ["cat", "dog"] and y.tolist() == [0, 1, 0]
    assert x[:, 0].tolist() == [1.5, 2, 3]
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["saved", "test"]}')
    with pytest.raises(ValueError, match=f"Give one of them: {path}"):
        load_file(str(tmp_path))
    (tmp_path / "saved" / "b.arrow").write_text("no table")
    with pytest.raises(ValueError, match="b.arrow is missing or damaged"):
        load_file(path)


def test_labels_that_hugging_face_lacks_are_counted(saved_data_set):
    table = pa.table({"a": [1, 2], "label": [1, -1]})
    feature = {"names": ["dog", "cat"], "_type": "ClassLabel"}
    with pytest.raises(ValueError, match="1 of the 2 labels 'label'"):
        load_file(saved_data_set(table, {"label": feature}))


@pytest.mark.parametrize(
    "value, kind",
    [([0.5, 1.0], "ndarray"), (b"PNG", "bytes"), ({"bytes": b"PNG"}, "dict")],
)
def test_columns_of_vectors_and_images_are_no_texts(value, kind, tmp_path):
    table = pd.DataFrame({"v": [value] * 2, "label": [0, 1]})
    table.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=f"'v' holds values of the type {kind}"):
        load_file(str(tmp_path / "t.parquet"))


@pytest.fixture
def pictures(tmp_path):
    """Three PNG files; the middle is grey and all are bright; gives their bytes."""
    sizes = (8, 8, 3), (8, 8, 1), (12, 6, 3)
    found = []
    for number, size in enumerate(sizes):
        path = tmp_path / f"{number}.png"
        keras.utils.save_img(path, np.full(size, 200), scale=False)
        found.append(path.read_bytes())
    return found


@pytest.mark.parametrize("kind", ["path", "bytes", "dict"])
def test_a_column_of_images(kind, pictures, tmp_path):
    column = {
        "path": [f"{i}.png" for i in range(3)],
        "bytes": pictures,
        "dict": [
            {"bytes": pictures[0], "path": None},
            {"bytes": pictures[1], "path": None},
            {"bytes": None, "path": str(tmp_path / "2.png")},
        ],
    }[kind]
    table = pd.DataFrame({"picture": column, "label": ["a", "b", "a"], "by": [1, 2, 1]})
    table.to_parquet(tmp_path / "t.parquet")
    path = str(tmp_path / "t.parquet")
    found = load_file(path, columns=["by"], image="picture", image_size=4)
    assert found.examples.x.shape == (3, 4, 4, 3) and found.encoding is None
    np.testing.assert_allclose(found.examples.x, 200 / 255, rtol=1e-6)
    assert found.columns["by"].tolist() == [1, 2, 1]


@pytest.mark.parametrize(
    "column, message",
    [
        (["0.png", "9.png"], "row 1 in the column 'picture', 9.png, cannot be read"),
        (["0.png", None], "row 1 in the column 'picture' must be a path or bytes"),
        (["0.png", "t.csv"], "row 1 in the column 'picture', t.csv, is no image"),
    ],
)
def test_images_that_cannot_be_read_are_named(column, message, pictures, tmp_path):
    table = pd.DataFrame({"picture": column, "label": ["a", "b"]})
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(ValueError, match=message):
        load_file(str(tmp_path / "t.csv"), image="picture")
    with pytest.raises(ValueError, match="Did you mean 'picture'"):
        load_file(str(tmp_path / "t.csv"), image="pictures")


def test_classes_that_may_be_numbers_are_asked_about(tmp_path):
    path = str(tmp_path / "many.npz")
    np.savez(path, x=np.eye(60), y=np.arange(60))
    with pytest.raises(ValueError, match="60 different values in 60 examples"):
        load_file(path)
    assert len(load_file(path, labels="classes").classes) == 60


def test_tables_take_all_numbers_for_features(tmp_path):
    table = pd.DataFrame({"a": [1, 2], "b": [True, False], "label": [5, 3]})
    table.to_csv(tmp_path / "t.csv", index=False)
    (x, y), classes, columns, encoding, _ = load_file(str(tmp_path / "t.csv"))
    np.testing.assert_array_equal(x, [[1, 1], [2, 0]])
    assert classes == [3, 5] and y.tolist() == [1, 0] and columns == {}
    # Another table has them in another order, and more.
    assert encoding.names == ["a", "b"]
    other = table[["label", "b", "a"]].assign(c="text")
    other.to_csv(tmp_path / "other.csv", index=False)
    again = load_file(str(tmp_path / "other.csv"), encoding=encoding)
    np.testing.assert_array_equal(again.examples.x, x)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"y": np.array([0.0, 1.0])}, "classes, or numbers to predict"),
        ({"y": np.array([0.5, np.inf])}, "must be finite numbers"),
        ({"y": np.array([1j, 2])}, "must be strings or integers"),
        ({"y": np.arange(3)}, r"one value of 'y' for each of its 2"),
        ({"x": np.array([[np.nan], [1]])}, "1 features that are missing"),
        ({"x": np.zeros((0, 2)), "y": np.array([], int)}, "holds no examples"),
    ],
)
def test_arrays_that_do_not_fit_are_named(changes, message, arrays):
    with pytest.raises(ValueError, match=message):
        load_file(arrays(**changes))


@pytest.mark.parametrize("labels", [["dog", None], [1.0, None]])
def test_missing_labels_are_counted(labels, tmp_path):
    table = pd.DataFrame({"a": [1, 2], "label": labels})
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(ValueError, match="1 of the 2 labels 'label'"):
        load_file(str(tmp_path / "t.csv"))


def test_labels_that_training_has_not_are_named(arrays):
    with pytest.raises(ValueError, match=r"labels \['dog'\] that the training"):
        load_file(arrays(), classes=["cat"])


def test_texts_and_missing_values_become_features(tmp_path):
    table = pd.DataFrame({"a": [1, None, 5], "b": ["x", "y", None], "label": [0, 1, 1]})
    table.to_csv(tmp_path / "t.csv", index=False)
    found = load_file(str(tmp_path / "t.csv"))
    assert found.encoding.names == ["a", "a is missing", "b=x", "b=y"]
    rows = [[1, 0, 1, 0], [3, 1, 0, 1], [5, 0, 0, 0]]
    np.testing.assert_array_equal(found.examples.x, rows)
    # Another table has other texts, and nothing missing.
    table.assign(a=2, b=["y", "z", "x"]).to_parquet(tmp_path / "other.parquet")
    again = load_file(str(tmp_path / "other.parquet"), encoding=found.encoding)
    rows = [[2, 0, 0, 1], [2, 0, 0, 0], [2, 0, 1, 0]]
    np.testing.assert_array_equal(again.examples.x, rows)
    # Texts that look like numbers, and others that are none of the training data.
    numbered = table.assign(b=["1", "2", "attic"])
    numbered.to_csv(tmp_path / "n.csv", index=False)
    numbers = load_file(str(tmp_path / "n.csv"))
    table.assign(b=[1, 2, None]).to_csv(tmp_path / "m.csv", index=False)
    with pytest.raises(ValueError, match="None of the texts of the column 'b'"):
        load_file(str(tmp_path / "m.csv"), encoding=found.encoding)
    table.assign(b=[1, 2, 1]).to_csv(tmp_path / "m.csv", index=False)
    again = load_file(str(tmp_path / "m.csv"), encoding=numbers.encoding)
    assert again.examples.x[:, 2:].tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0]]
    encoding = TableEncoding.from_config(numbers.encoding.get_config())
    assert encoding.columns == numbers.encoding.columns
    table.assign(a="two").to_csv(tmp_path / "texts.csv", index=False)
    with pytest.raises(ValueError, match=r"texts\.csv: The column 'a' has numbers"):
        load_file(str(tmp_path / "texts.csv"), encoding=found.encoding)


@pytest.mark.parametrize(
    "column, message",
    [
        ([f"id {i}" for i in range(60)], "has 60 different texts, such as 'id 0'"),
        (pd.date_range("2026-01-01", periods=60), "holds times"),
        ([None] * 60, "is empty"),
        ([np.inf] * 60, "60 features that are missing or not finite"),
    ],
)
def test_columns_that_do_not_fit_are_named(column, message, tmp_path):
    table = pd.DataFrame({"a": column, "label": [0, 1] * 30})
    table.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=message):
        load_file(str(tmp_path / "t.parquet"))


def test_folders_of_images_that_do_not_fit_are_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="a folder of images for each class"):
        load_file(str(tmp_path / "empty"))
    (tmp_path / "no images" / "dog").mkdir(parents=True)
    with pytest.raises(ValueError, match="holds no images"):
        load_file(str(tmp_path / "no images"))
    with pytest.raises(ValueError, match=r"folders \['dog'\] that the training"):
        load_file(str(tmp_path / "no images"), classes=["cat"])
    with pytest.raises(ValueError, match="has no columns such as 'annotator'"):
        load_file(str(tmp_path / "no images"), columns=["annotator"])
