"""Teaching inside tf.data."""

import numpy as np
import pytest
import tensorflow as tf
from teaching.test_commentary_callback import ProgressWeighting

from tfcommentaries import GroupWeighting, teach
from tfcommentaries.commentaries import ConstantWeighting


@pytest.fixture
def dataset(vectors):
    return tf.data.Dataset.from_tensor_slices(vectors).batch(4)


def weights(taught):
    return [w.numpy()[0] for _, _, w in taught]


def test_progress_is_the_part_of_the_data_set(dataset):
    taught = teach(dataset, ProgressWeighting())
    np.testing.assert_allclose(weights(taught), [0, 1 / 3, 2 / 3], rtol=1e-6)


def test_progress_of_an_endless_data_set(dataset):
    taught = teach(dataset.repeat(), ProgressWeighting(), total_steps=8)
    expected = np.arange(8) / 8
    np.testing.assert_allclose(weights(taught.take(8)), expected, rtol=1e-6)


def test_an_endless_data_set_needs_the_steps(dataset):
    with pytest.raises(ValueError, match="Pass `total_steps=`"):
        teach(dataset.repeat(), ProgressWeighting())


def test_inputs_and_labels_stay_and_given_weights_are_multiplied(vectors):
    x, y = vectors
    given = tf.data.Dataset.from_tensors((x, y, np.arange(12.0)))
    ((new_x, new_y, weight),) = teach(given, ConstantWeighting(0.5))
    np.testing.assert_array_equal(new_x, x)
    np.testing.assert_array_equal(new_y, y)
    np.testing.assert_allclose(weight, np.arange(12) / 2)


@pytest.fixture
def columns(vectors):
    number = np.arange(len(vectors[1]))
    return {"by": np.array(["ann", "bob", "cem"])[number % 3], "year": number // 6}


@pytest.fixture
def weighting(columns):
    """Trusts all but bob, in the second year."""
    weighting = GroupWeighting(columns)
    weighting.logits["by"].assign(np.reshape([2.0, -3.0, 2.0], [3, 1, 1]))
    weighting.logits["year"].assign(np.reshape([-3.0, 2.0], [2, 1, 1]))
    return weighting


def test_arrays_keep_trusted_examples_by_a_mask(weighting, columns, vectors):
    assert weighting.trusted() == {"by": ["ann", "cem"], "year": [1]}
    kept = weighting.trusts(weighting.add_groups(vectors[0], columns))
    expected = (columns["by"] != "bob") & (columns["year"] == 1)
    np.testing.assert_array_equal(kept, expected)
    with pytest.warns(UserWarning, match="not seen in learning"):
        other = weighting.add_groups(
            vectors[0][:2], {"by": ["dan", "ann"], "year": [1, 1]}
        )
    assert weighting.trusts(other).tolist() == [False, True]


def test_data_sets_keep_trusted_examples_in_whole_batches(weighting, columns, vectors):
    x, y = vectors
    given = {"x": x, **columns}, y, np.arange(12.0)
    data = tf.data.Dataset.from_tensor_slices(given).batch(3)
    found = list(teach(data, weighting, trusted=True))
    kept = (columns["by"] != "bob") & (columns["year"] == 1)
    assert [len(batch[1]) for batch in found] == [3, 1]
    for part, expected in zip(zip(*found), (x, y, np.arange(12.0)), strict=True):
        np.testing.assert_array_equal(np.concatenate(part), expected[kept])
    pairs = teach(data.map(lambda x, y, w: (x, y)), weighting, trusted=True)
    assert len(next(iter(pairs))) == 2


def test_without_trusted_groups_nothing_is_kept(weighting, columns, vectors, dataset):
    with pytest.raises(ValueError, match="ConstantWeighting .* has none"):
        teach(dataset, ConstantWeighting(0.5), trusted=True)
    weighting.doubt = "Students guess."
    with pytest.raises(ValueError, match="no example would be left. Students guess."):
        weighting.trusts(weighting.add_groups(vectors[0], columns))
