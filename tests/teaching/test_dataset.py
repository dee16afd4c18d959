"""Teaching inside tf.data."""

import numpy as np
import pytest
import tensorflow as tf
from teaching.test_commentary_callback import ProgressWeighting

from tfcommentaries import teach
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
