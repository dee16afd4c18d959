"""Few-shot tasks."""

import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries.datasets import episodes


def test_a_task_has_its_shots_and_queries_and_no_example_twice():
    y = np.repeat(np.arange(7), 9) * 3 + 5
    x = np.arange(len(y)).astype("float32")
    of_number = dict(zip(x, y))
    seen = set()
    for support, query in episodes(x, y, ways=4, shots=2, queries=6).take(90):
        assert support[0].shape == (8,) and query[0].shape == (24,)
        numbers = np.concatenate([support[0], query[0]])
        assert len(set(numbers)) == 32
        classes = [of_number[n] for n in numbers]
        labels = np.concatenate([support[1], query[1]])
        # One name for each class, and one class for each name.
        assert len(set(zip(classes, labels))) == 4 == len(set(labels))
        seen |= {(c, label) for c, label in zip(classes, labels)}
    assert len(seen) == 7 * 4


def test_classes_of_different_sizes():
    y = np.array([0] * 3 + [1] * 10)
    for support, query in episodes(np.arange(13), y, 2, 1, 2).take(20):
        numbers = np.concatenate([support[0], query[0]])
        labels = np.concatenate([support[1], query[1]])
        assert sorted(y[numbers]) == [0, 0, 0, 1, 1, 1]
        assert (numbers >= 0).all() and len(set(labels)) == 2


def test_a_seed_repeats_the_tasks(digits):
    def first(seed):
        return next(iter(episodes(*digits.train, seed=seed)))[0][0]

    np.testing.assert_array_equal(first(0), first(0))
    assert not np.array_equal(first(0), first(1))


def test_takes_a_data_set(digits):
    dataset = tf.data.Dataset.from_tensor_slices(tuple(digits.train))
    one = next(iter(episodes(dataset, None)))
    other = next(iter(episodes(*digits.train)))
    tf.nest.map_structure(np.testing.assert_array_equal, one, other)


def test_says_what_is_missing(digits):
    with pytest.raises(ValueError, match="the data have 10"):
        episodes(*digits.train, ways=11)
    with pytest.raises(ValueError, match="Choose fewer"):
        episodes(*digits.train, shots=500)
