"""Data sets of TFDS: any label, sources, tables; each test writes one of its own."""

import os

import numpy as np
import pytest

from tfcommentaries.datasets import read_tfds

tfds = pytest.importorskip("tensorflow_datasets")
tf = pytest.importorskip("tensorflow")

SIZES = {"train": 60, "test": 20}
CLASSES = tfds.features.ClassLabel(names=["cat", "dog", "owl"])


def write(folder, features, make, splits=SIZES):
    """Writes the data set `mine`; `make` gives arrays of one split by name."""
    tfds.dataset_builders.store_as_tfds_dataset(
        "mine",
        version="1.0.0",
        features=tfds.features.FeaturesDict(features),
        split_datasets={
            split: tf.data.Dataset.from_tensor_slices(make(np.arange(number), split))
            for split, number in splits.items()
        },
        data_dir=str(folder),
        disable_shuffling=True,
    )
    return str(folder)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Images that hold their number, with labels by workers, which tests lack."""

    def make(i, split):
        missing = split == "test"
        return {
            "image": np.broadcast_to(i[:, None, None, None], (len(i), 2, 2, 1)).astype(
                "uint8"
            ),
            "label": i % 3,
            "given": np.full(len(i), -1) if missing else (i + (i % 2)) % 3,
            "worker": i % 4,
            "site": np.array([f"site {n}" for n in i % 2]),
            "yes": i % 2 == 0,
            "size": (i / 2).astype("float32"),
        }

    return write(
        tmp_path_factory.mktemp("images"),
        {
            "image": tfds.features.Image(shape=(2, 2, 1)),
            "label": CLASSES,
            "given": CLASSES,
            "worker": np.int64,
            "site": tfds.features.Text(),
            "yes": np.bool_,
            "size": np.float32,
        },
        make,
    )


def numbers(examples):
    """Which of the images these are."""
    return np.round(255 * examples.x[:, 0, 0, 0]).astype(int)


def test_training_labels_may_differ_from_those_of_the_others(images):
    (train, checked, test, classes, name), true, groups, encoding = read_tfds(
        "mine",
        images,
        30,
        10,
        label="given",
        true_label="label",
        group="worker",
    )
    assert (classes, name, encoding) == (3, "mine", None)
    assert [len(part.y) for part in (train, checked, test)] == [30, 10, 20]
    i = numbers(train)
    np.testing.assert_array_equal(train.y, (i + (i % 2)) % 3)
    np.testing.assert_array_equal(true, i % 3)
    np.testing.assert_array_equal(groups, i % 4)
    for part in checked, test:
        np.testing.assert_array_equal(part.y, numbers(part) % 3)
    assert not {*i} & {*numbers(checked)}
    assert train.y.dtype == "int32" and train.x.dtype == "float32"


def test_labels_that_test_examples_lack_are_named(images):
    message = "20 of 20 examples of mine have no 'given'.*--true_label_column"
    with pytest.raises(ValueError, match=message):
        read_tfds("mine", images, validation_size=10, label="given")


def test_sources_may_have_names(images):
    found = read_tfds("mine", images, validation_size=10, group="site")
    expected = [f"site {i % 2}" for i in numbers(found.splits.train)]
    assert found.groups.tolist() == expected
    # Those of classes are their texts.
    found = read_tfds("mine", images, validation_size=10, group="given")
    assert {*found.groups} == {"cat", "dog", "owl"}


def test_labels_may_be_numbers_or_truth_values(images):
    splits = read_tfds("mine", images, validation_size=10, label="size").splits
    assert splits.num_classes is None and splits.train.y.dtype == "float32"
    np.testing.assert_allclose(splits.test.y, numbers(splits.test) / 2)
    splits = read_tfds("mine", images, validation_size=10, label="yes").splits
    assert splits.num_classes == 2
    np.testing.assert_array_equal(splits.test.y, numbers(splits.test) % 2 == 0)
    splits = read_tfds("mine", images, validation_size=10, label="site").splits
    np.testing.assert_array_equal(splits.test.y, numbers(splits.test) % 2)


@pytest.mark.parametrize(
    "names, message",
    [
        ({"label": "givn"}, "no feature 'givn'. Did you mean 'given'.*'site'"),
        ({"group": "label"}, "'label' of mine is named for two purposes"),
        ({"label": "image"}, "'image' of mine must have one label for each"),
        ({"image": "size"}, "'size' of mine does not hold images"),
        ({"group": "nobody"}, "no feature 'nobody'"),
    ],
)
def test_features_that_do_not_fit_are_named(images, names, message):
    with pytest.raises(ValueError, match=message):
        read_tfds("mine", images, validation_size=10, **names)


def test_more_examples_than_there_are_are_named(images):
    with pytest.raises(ValueError, match="60 examples in its train split, but 80"):
        read_tfds("mine", images, 70, 10)
    with pytest.raises(ValueError, match="20 examples in its test split, but 30"):
        read_tfds("mine", images, 10, 10, 30)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Numbers, vectors, texts and classes, without a test split."""

    def make(i, _):
        return {
            "age": i.astype("float32"),
            "at": np.stack([i, 2 * i], 1),
            "kind": np.array(["old", "new"])[i % 2],
            "name": np.array([f"name {n}" for n in i]),
            "pet": i % 3,
            "picture": np.zeros([len(i), 2, 2], "float32"),
            "survived": i // 2 % 2,
            "by": {"worker": i % 5},
        }

    return write(
        tmp_path_factory.mktemp("table"),
        {
            "age": np.float32,
            "at": tfds.features.Tensor(shape=(2,), dtype=np.int64),
            "kind": tfds.features.Text(),
            "name": tfds.features.Text(),
            "pet": CLASSES,
            "picture": tfds.features.Tensor(shape=(2, 2), dtype=np.float32),
            "survived": np.int64,
            "by": {"worker": np.int64},
        },
        make,
        {"train": 100},
    )


def test_other_features_are_columns_of_a_table(table, caplog):
    splits, true, groups, encoding = read_tfds(
        "mine", table, validation_size=10, label="survived", group="by/worker"
    )
    assert encoding.names == [
        *("age", "at[0]", "at[1]", "kind=new", "kind=old"),
        *("pet=cat", "pet=dog", "pet=owl"),
    ]
    # A fifth of the examples are there to test.
    assert [len(part.y) for part in splits[:3]] == [70, 10, 20]
    ages = [part.x[:, 0].astype(int) for part in splits[:3]]
    assert sorted(np.concatenate(ages)) == list(range(100))
    for age, (x, y) in zip(ages, splits[:3]):
        np.testing.assert_array_equal(x[:, 2], 2 * age)
        np.testing.assert_array_equal(x[:, 3], age % 2)
        np.testing.assert_array_equal(x[:, 5:].argmax(1), age % 3)
        np.testing.assert_array_equal(y, age // 2 % 2)
    np.testing.assert_array_equal(groups, ages[0] % 5)
    np.testing.assert_array_equal(true, splits.train.y)
    assert "'name' is left out" in caplog.text and "'picture'" in caplog.text
    again = read_tfds(
        "mine", table, 40, 5, 10, label="survived", encoding=encoding, labels="numbers"
    ).splits
    assert again.train.x.shape == (40, 8) and len(again.test.y) == 10
    assert again.num_classes is None


def write_one_by_one(folder, features, make):
    """Writes `mine`, 30 examples for each split; `make` gives one example."""
    whole = tfds.features.FeaturesDict(features)
    signature = whole.get_tensor_spec()
    splits = {
        split: tf.data.Dataset.from_generator(
            lambda split=split: (make(i, split) for i in range(30)),
            output_signature=signature,
        )
        for split in ("train", "test")
    }
    tfds.dataset_builders.store_as_tfds_dataset(
        "mine", "1.0.0", features=whole, split_datasets=splits, data_dir=str(folder)
    )
    return str(folder)


@pytest.mark.parametrize("differs", ["in train", "between splits", "not"])
def test_images_of_unknown_size_must_have_one(tmp_path, differs):
    def make(i, split):
        height = 4 if differs == "in train" and i == 20 else 3
        height += differs == "between splits" and split == "test"
        return {"image": np.full((height, 2, 1), i + 1, "uint8"), "label": i % 3}

    features = {"image": tfds.features.Image(shape=(None, 2, 1)), "label": CLASSES}
    path = write_one_by_one(tmp_path, features, make)
    if differs == "not":
        splits = read_tfds("mine", path, validation_size=10).splits
        assert splits.train.x.shape == (20, 3, 2, 1) and splits.train.x.all()
        return
    with pytest.raises(ValueError, match="'image' of mine .* images of one size"):
        read_tfds("mine", path, validation_size=10)


def test_only_vectors_of_one_length_are_columns(tmp_path, caplog):
    def make(i, _):
        return {"at": [i] * 2, "often": [i] * (1 + i % 2), "label": i % 3}

    vector = tfds.features.Tensor(shape=(None,), dtype=np.int64)
    features = {"at": vector, "often": vector, "label": CLASSES}
    path = write_one_by_one(tmp_path, features, make)
    assert read_tfds("mine", path, validation_size=10).encoding.names == [
        "at[0]",
        "at[1]",
    ]
    assert "'often' is left out" in caplog.text


def test_mistakes_that_people_made(data_dir):
    if not os.path.isdir(os.path.join(data_dir, "cifar10_n")):
        pytest.skip("TFCOMMENTARIES_DATA_DIR has no cifar10_n")
    (train, checked, test, *_), true, groups, _ = read_tfds(
        *("cifar10_n", data_dir, 1000, 100, 100),
        label="worse_label",
        true_label="label",
        group="worker1_id",
    )
    assert train.x.shape == (1000, 32, 32, 3) and {*checked.y} == {*range(10)}
    assert (train.y != true).mean() == pytest.approx(0.4, abs=0.05)
    assert len(groups) == 1000 and len(test.y) == 100
