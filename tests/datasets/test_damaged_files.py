"""Files that are damaged or would be misread are refused by name."""

import os
import zipfile

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfcommentaries.datasets import load_file, load_image_folder
from tfcommentaries.datasets.truth_values import truth_values


def refused(path, message, **options):
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        load_file(str(path), **options)
    text = str(error.value)
    assert str(path) in text and "\n" not in text and len(text) <= 400, text


def csv(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "is empty: its first line names no columns"),
        ("a,label\n", "holds no examples"),
        ("a,label\n1,0\n2\n", "Line 3 of .* has 1 values, but .* names 2"),
        ("a,label\n1,0,5\n2,1,5\n", "Line 2 of .* has 3 values"),
        ('a,label\n1,0\n2,"1\n', "Line 3 of|Line 4 of|t.csv"),
        ("a,label,label\n1,0,0\n2,1,1\n", "has 2 columns 'label'"),
        ("a,label\n1,größe\n".encode("utf-16"), "not in UTF-8"),
        ("a,label\n1,x\n2,größe\n".encode("latin-1"), "Line 3 of .* not in UTF-8"),
        (b"\x00\x01\x02" * 50, "t.csv"),
        ("a,label\n1," + "x" * 200_000 + "\n", "Line 2 of .*field larger"),
    ],
)
def test_damaged_tables(tmp_path, text, message):
    refused(csv(tmp_path, text), message)


def test_a_signature_and_blank_lines_are_no_damage(tmp_path):
    path = csv(tmp_path, "a,label\n1,x\n\n2,y\n", "utf-8-sig")
    found = load_file(str(path))
    assert found.encoding.names == ["a"] and found.classes == ["x", "y"]


def test_sources_and_classes_stay_the_texts_that_they_were(tmp_path):
    rows = "1,007,00123,NA\n2,7,123,nan\n3,7,TRUE,x\n4,8,true,\n"
    path = str(csv(tmp_path, "a,label,site,other\n" + rows))
    found = load_file(path, columns=["site", "other"])
    assert found.columns["site"].tolist() == ["00123", "123", "TRUE", "true"]
    assert found.columns["other"].tolist() == ["NA", "nan", "x", None]
    assert found.classes == ["007", "7", "8"]
    assert found.examples.y.tolist() == [0, 1, 1, 2]
    numbers = load_file(path, columns=["site", "other"], labels="numbers")
    assert numbers.examples.y.tolist() == [7, 7, 7, 8]
    # Another file need not have the classes that tell them apart.
    other = csv(tmp_path, "a,label\n1,7\n2,8\n")
    assert load_file(str(other), classes=found.classes).examples.y.tolist() == [1, 2]
    # Truth values that are written alike stay what they are.
    same = csv(tmp_path, "a,label\n1,True\n2,False\n")
    assert load_file(str(same)).classes == [False, True]
    two = csv(tmp_path, "a,label\n1,True\n2,TRUE\n3,False\n")
    assert load_file(str(two)).classes == ["False", "TRUE", "True"]


def test_what_is_checked_is_yes_or_no():
    for good in ([0, 1], ["0", "1"], ["true", "FALSE"], [1.0, 0.0], [True, False]):
        assert truth_values(np.array(good), "it").dtype == bool
    mixed = np.array([1, "false"], object)
    assert truth_values(mixed, "it").tolist() == [True, False]
    for bad in ([7, 0], [255, 0], [2, 0], [-1, 0], [0.5, 1], ["yes", "no"], ["", "1"]):
        with pytest.raises(ValueError, match="the column must be 0 or 1.*Row 0|Row 1"):
            truth_values(np.array(bad), "the column")
    with pytest.raises(ValueError, match="Row 1 of its 2 has None"):
        truth_values(np.array([1, None], object), "it")


def test_one_column_has_one_purpose(tmp_path):
    path = csv(tmp_path, "a,label,site\n1,0,x\n2,1,y\n")
    for options in (
        {"columns": ["site", "site"]},
        {"columns": ["label"]},
        {"columns": ["site"], "label": "site"},
        {"columns": ["site"], "image": "site"},
    ):
        refused(path, "is named for two purposes", **options)
    np.savez(tmp_path / "t.npz", x=np.eye(2), y=[0, 1])
    refused(tmp_path / "t.npz", "'x' .* for two purposes", columns=["x"])


ROWS = np.array([(1, 2.0), (2, 3.0)], [("a", int), ("b", float)])
TIMES = np.array(["2026-01-01", "2026-01-02"], "datetime64[D]")


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"x": np.eye(2) * 1j}, "'x' .* must hold numbers, not complex128"),
        ({"x": TIMES[:, None]}, "'x' .* must hold numbers, not datetime64"),
        ({"x": ROWS[:, None]}, "'x' .* must hold numbers, not"),
        ({"x": np.array([["1"], ["2"]])}, "'x' .* must hold numbers, not <U1"),
        ({"x": np.array([[{}], [None]])}, "allow_pickle"),
        ({"x": np.zeros((2, 0))}, "must have a row of features"),
        ({"x": np.zeros(2)}, "must have a row of features"),
        ({"x": np.array(5.0)}, "must have a row of features"),
        ({"x": np.array([[1e300], [1]])}, "1 features that are missing or not finite"),
        ({"y": TIMES}, "labels 'y' .* They are datetime64"),
        ({"y": ROWS}, "labels 'y' .* They are"),
        ({"y": np.eye(2)}, "one value of 'y'"),
        ({"site": np.array([1j, 2])}, "'site' .* must hold texts or numbers"),
        ({"site": TIMES}, "'site' .* must hold texts or numbers"),
        ({"site": ROWS}, "'site' .* must hold texts or numbers"),
    ],
)
def test_arrays_that_would_be_misread(tmp_path, changes, message):
    path = tmp_path / "t.npz"
    np.savez(path, **{"x": np.eye(2), "y": [0, 1], "site": [0, 1], **changes})
    refused(path, message, columns=["site"])


def test_damaged_arrays(tmp_path):
    path = tmp_path / "t.npz"
    np.savez_compressed(path, x=np.random.default_rng(0).normal(size=(99, 9)), y=[0])
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
    for content in (
        b"",
        whole[:middle],
        whole[:-30],
        flipped,
        b"PK\x03\x04",
        b"x" * 99,
    ):
        path.write_bytes(content)
        refused(path, "t.*cannot be read .* It is damaged")
    np.save(tmp_path / "one.npy", np.eye(2))
    os.replace(tmp_path / "one.npy", path)
    refused(path, "t.*cannot be read .* It is damaged")


def test_arrays_larger_than_memory(tmp_path):
    """Some kilobytes that would become terabytes."""
    path = tmp_path / "t.npz"
    size = 8 * 2**45
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        with file.open("x.npy", "w") as member:
            shape = {"descr": "<f8", "fortran_order": False, "shape": (2**45, 1)}
            np.lib.format.write_array_header_1_0(member, shape)
            member.write(b"\0" * 2**20)
        with file.open("y.npy", "w") as member:
            np.save(member, np.zeros(3))
    refused(path, "t.npz")
    # The same, with a directory that says so.
    with zipfile.ZipFile(path, "a") as file:
        file.filelist[0].file_size = size
        file._didModify = True
    refused(path, "would take .* GiB, but this machine has")


@pytest.mark.parametrize(
    "column, message",
    [
        ([{"a": 1}, {"a": 2}], "must all be strings, or all integers. There are: dict"),
        ([[1], [2]], "must all be strings, or all integers"),
        ([b"a", b"b"], None),
        (pd.to_datetime(["2026-01-01", "2026-01-02"]), "They are datetime64"),
        ([1.5, None], "1 of the 2 labels"),
        ([{"a": 1}, None], "1 of the 2 labels"),
    ],
)
def test_labels_of_other_types(tmp_path, column, message):
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": [1, 2], "label": column}).to_parquet(path)
    if message is None:
        assert load_file(str(path)).examples.y.tolist() == [0, 1]
    else:
        refused(path, message)


def test_damaged_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": range(999), "label": [0, 1, 2] * 333}).to_parquet(path)
    whole = path.read_bytes()
    for content in (b"", whole[:100], whole[100:], b"PAR1" * 9, b"a,label\n1,2\n"):
        path.write_bytes(content)
        refused(path, "t.*cannot be read .* It is damaged")


@pytest.fixture
def images(tmp_path):
    """A folder of JPEGs of two classes."""
    for name in "ab":
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(3):
            image = np.random.default_rng(number).integers(0, 255, (20, 16, 3))
            keras.utils.save_img(
                tmp_path / "images" / name / f"{number}.jpg", image, scale=False
            )
    return tmp_path / "images"


def test_a_damaged_image_in_a_folder_is_named(images):
    path = images / "b" / "1.jpg"
    whole = path.read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"no image", b"\xff\xd8\xff"):
        path.write_bytes(content)
        refused(images, f"The image {path} is no image")
    path.unlink()
    os.mkfifo(path)
    refused(images, f"The image {path} cannot be read: it is not a file")


def test_whole_images_are_read_as_keras_does(images):
    dataset = keras.utils.image_dataset_from_directory(
        images, image_size=(8, 8), shuffle=False, verbose=False
    )
    expected = np.concatenate([x for x, _ in dataset.as_numpy_iterator()]) / 255
    (x, y), classes = load_image_folder(images, 8)
    np.testing.assert_allclose(x, expected, rtol=1e-6)
    assert y.tolist() == [0, 0, 0, 1, 1, 1] and classes == ["a", "b"]


@pytest.mark.parametrize("ending", ["csv", "npz", "parquet", "tfrecord"])
def test_pipes_and_devices_are_refused_at_once(tmp_path, ending):
    path = tmp_path / f"pipe.{ending}"
    os.mkfifo(path)
    refused(path, "is neither a file nor a folder")
    path.unlink()
    path.symlink_to("/dev/zero")
    refused(path, "is neither a file nor a folder")


def test_a_digest_tells_whether_files_have_changed(tmp_path, images):
    def digest(path, **options):
        return load_file(str(path), **options).digest

    first = digest(images)
    assert digest(images) == first
    (images / "a" / "notes.txt").write_text("none of the images")
    assert digest(images) == first
    os.replace(images / "a" / "0.jpg", images / "b" / "9.jpg")
    assert digest(images) != first  # The same images, another label.
    table = pd.DataFrame({"image": ["images/b/9.jpg"], "label": [0]})
    path = csv(tmp_path, table.to_csv(index=False))
    before = digest(path, image="image")
    image = tf.io.encode_png(np.zeros((4, 4, 3), "uint8")).numpy()
    (images / "b" / "9.jpg").write_bytes(image)
    assert digest(path, image="image") != before
