"""Data sets: splits that do not leak, noise, rotation, and TFDS."""

import numpy as np
import pytest

from tfcommentaries.datasets import (
    Examples,
    corrupt_labels,
    load_coloured_digits,
    load_digits,
    load_digits_on_scenes,
    load_rotated_digits,
    load_tfds,
    split,
)


def test_splits_have_no_common_example():
    examples = Examples(np.arange(100.0)[:, None, None, None], np.arange(100) % 4)
    parts = split(examples, 20, 30, seed=1)
    assert [len(p.y) for p in parts] == [50, 20, 30]
    together = np.concatenate([p.x.ravel() for p in parts])
    np.testing.assert_array_equal(np.sort(together), np.arange(100))
    for part in parts:
        assert np.ptp(np.bincount(part.y)) <= 1


def test_splits_follow_the_seed(digits):
    again, other = load_digits(), load_digits(seed=1)
    np.testing.assert_array_equal(digits.test.x, again.test.x)
    assert (digits.test.y != other.test.y).any()


def test_digits_are_real_images(digits):
    assert digits.train.x.shape == (1000, 8, 8, 1)
    assert (digits.train.x.min(), digits.train.x.max()) == (0, 1)
    assert set(digits.train.y) == set(range(10))


@pytest.mark.parametrize("sizes", [(0, 10), (50, 50), (500, 0)])
def test_impossible_sizes_are_named(sizes):
    examples = Examples(np.zeros((100, 2, 2, 1)), np.arange(100) % 2)
    with pytest.raises(ValueError, match="Cannot split 100 examples"):
        split(examples, *sizes, seed=0)


def test_noise_replaces_the_given_part():
    y = np.arange(10_000) % 10
    labels, corrupted = corrupt_labels(y, 0.4, 10, seed=0)
    np.testing.assert_array_equal(corrupted, labels != y)
    # One random label in ten is right by chance.
    assert corrupted.mean() == pytest.approx(0.36, abs=0.01)
    assert set(labels[corrupted]) == set(range(10))
    assert not corrupt_labels(y, 0.0, 10, seed=0)[1].any()


def test_pairs_are_always_taken_for_the_next_class():
    y = np.arange(1000) % 10
    labels, corrupted = corrupt_labels(y, 0.45, 10, seed=0, kind="pair")
    assert corrupted.sum() == 450
    np.testing.assert_array_equal(labels, (y + corrupted) % 10)
    assert not np.array_equal(corrupted, corrupt_labels(y, 0.45, 10, 1, "pair")[1])


def test_an_impossible_part_or_kind_is_named():
    with pytest.raises(ValueError, match="fraction=40"):
        corrupt_labels(np.zeros(3, int), 40, 2, seed=0)
    with pytest.raises(ValueError, match="kind='asymmetric'"):
        corrupt_labels(np.zeros(3, int), 0.4, 2, seed=0, kind="asymmetric")


@pytest.mark.parametrize("kind", ["separated", "overlapping"])
def test_rotated_digits(digits, kind):
    data = load_rotated_digits(digits, kind, sizes=(60, 40, 20))
    assert data.train.x.shape == (60, 28, 28, 1)
    for part, angles in zip(data[:3], data.angles):
        left, right = angles[part.y == 0], angles[part.y == 1]
        if kind == "separated":
            assert left.max() <= -15
            assert right.min() >= 15
        else:
            assert left.max() > right.min()
        # The rotation is real: the ink leans the way the angle says.
        rows = np.arange(28)[:, None] - 13.5
        columns = np.arange(28)[None] - 13.5
        lean = (part.x[..., 0] * rows * columns).sum((1, 2))
        assert np.corrcoef(lean, angles)[0, 1] ** 2 > 0.5


def test_an_unknown_kind_of_rotation_is_named(digits):
    with pytest.raises(ValueError, match="'overlapping', 'separated'.*'far'"):
        load_rotated_digits(digits, "far")


def test_tfds_images(data_dir):
    splits = load_tfds("mnist", data_dir, 200, 100, 50)
    assert [len(p.y) for p in splits[:3]] == [200, 100, 50]
    assert splits.num_classes == 10
    assert splits.train.x.shape == (200, 28, 28, 1)
    assert splits.train.x.max() == 1
    images = np.concatenate([p.x for p in splits[:3]]).reshape(350, -1)
    assert len(np.unique(images, axis=0)) == 350


def test_a_tfds_name_that_does_not_exist_is_named():
    with pytest.raises(
        FileNotFoundError, match="data set 'mnst'.* Did you mean 'mnist'"
    ):
        load_tfds("mnst")


def test_a_tfds_data_set_that_is_not_there_is_named(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="no prepared split 'train'.*download=True"
    ):
        load_tfds("mnist", tmp_path)


def test_a_tfds_data_set_without_labels_is_named(tmp_path):
    with pytest.raises(ValueError, match="has no feature 'label'"):
        load_tfds("wikipedia/20230601.ab", tmp_path)


def test_coloured_digits_agree_as_often_as_asked(digits):
    data = load_coloured_digits(digits.train, 2000, 0.9, seed=1)
    x, y = data.examples
    assert x.shape == (2000, 8, 16, 3)
    assert np.bincount(y).tolist() == [200] * 10
    assert data.aligned.mean() == pytest.approx(0.9, abs=0.03)
    assert 0.45 < data.relevant[..., :8].any((1, 2)).mean() < 0.55
    # Red ink only where the red digit is, blue only beside it, green nowhere.
    assert not (data.relevant & data.distracting).any()
    assert not x[..., 1].any()


def test_coloured_digits_show_what_they_say(digits):
    data = load_coloured_digits(digits.train, 60, 0.0, seed=1)
    by_image = {digits.train.x[i].tobytes(): digits.train.y[i] for i in range(1000)}
    for image, label, relevant in zip(*data.examples, data.relevant):
        halves = image[:, :8], image[:, 8:]
        mine, other = halves if relevant[:, :8].any() else halves[::-1]
        assert by_image[np.ascontiguousarray(mine[..., :1]).tobytes()] == label
        assert by_image[np.ascontiguousarray(other[..., 2:]).tobytes()] != label


def test_coloured_digits_refuse_an_impossible_agreement(digits):
    with pytest.raises(ValueError, match="from 0 to 1.*agreement=1.5"):
        load_coloured_digits(digits.train, 10, 1.5)


def test_digits_on_scenes_agree_as_often_as_asked(digits):
    # Scenes whose colour is their class.
    classes = np.arange(300) % 10
    colours = np.tile(classes[:, None, None, None] / 20, (1, 12, 14, 3))
    scenes = Examples(colours, classes)
    data = load_digits_on_scenes(digits.train, scenes, 500, 0.9)
    x, y = data.examples
    assert x.shape == (500, 12, 14, 3) and x.max() <= 1
    assert data.aligned.mean() == pytest.approx(0.9, abs=0.05)
    for image, label, aligned, relevant in zip(x, y, data.aligned, data.relevant):
        scene = round(20 * float(image[~relevant].min()))
        assert (scene == label) == aligned
        # Ink is whiter than any scene.
        assert relevant.any() and image[relevant].min() >= scene / 20
    with pytest.raises(ValueError, match="at least as large"):
        load_digits_on_scenes(Examples(x, y), digits.train, 10, 0.9)
