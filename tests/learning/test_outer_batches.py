"""Batches of the outer loop: in order from any step on, and without copies."""

import os
import time

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.harness import forget_peak, megabytes
from tfcommentaries import ExampleWeighting
from tfcommentaries.learning.joined_batches import joined
from tfcommentaries.learning.outer_batches import endless, outer_batches


@pytest.mark.parametrize("kind", ["arrays", "data set", "large data set"])
def test_starting_at_a_step_gives_what_skipping_gives(kind, monkeypatch):
    if kind == "large data set":
        monkeypatch.setattr("tfcommentaries.learning.outer_batches.LARGE", 0)
    data = np.arange(50, dtype="float32").reshape(25, 2), np.array(list("abcde") * 5)
    if kind != "arrays":
        data = tf.data.Dataset.from_tensor_slices(data).batch(7)
    else:
        data = data[0], np.arange(25), np.ones(25)
    batches, _ = endless(data, ExampleWeighting(), "training", 4)
    validation, _ = endless(data, ExampleWeighting(), "validation", 3, 1)

    def steps(start):
        return outer_batches(batches, validation, 3, 2, start).as_numpy_iterator()

    whole = [next(steps) for steps in [steps(0)] for _ in range(6)]
    train, outer = whole[0]
    assert train[0].shape == (2, 3, 4, 2) and outer[1].shape == (2, 3)
    for start in 1, 5:
        for found, expected in zip(
            tf.nest.flatten(next(steps(start))), tf.nest.flatten(whole[start])
        ):
            np.testing.assert_array_equal(found, expected)


def test_arrays_of_strings_are_read():
    texts = np.array(["one", "two", "\u00fcber"] * 4)
    for array in texts, texts.astype(object):
        data = {"text": array}, np.arange(12)
        _, (x, y) = endless(data, ExampleWeighting(), "training", 12)
        assert [t.decode() for t in x["text"].numpy()] == texts[y].tolist()


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="Linux's")
def test_arrays_are_not_copied():
    def read(x):
        data = x, np.arange(len(x)) % 3
        batches, _ = endless(data, ExampleWeighting(), "training")
        for _ in outer_batches(batches, batches, 3, 2).take(2):
            pass

    read(np.ones((100, 100), "float32"))
    x = np.ones((400_000, 100), "float32")
    before = megabytes("VmRSS")
    forget_peak()
    read(x)
    assert megabytes("VmHWM") - before < 0.3 * x.nbytes / 2**20


def test_joined_batches_are_those_of_rebatch():
    data = {
        "pixels": np.arange(96, dtype="uint8").reshape(24, 2, 2),
        "text": np.array(["one", "two", "\u00fcber"] * 8),
    }
    data = tf.data.Dataset.from_tensor_slices((data, np.arange(24) % 2 == 0))
    # All elements are kept while others are made.
    found = list(joined(data.batch(4, True), 2))
    assert len(found) == 3
    for ours, expected in zip(found, data.batch(8)):
        assert tf.nest.map_structure(lambda t: t.dtype, ours) == (
            tf.nest.map_structure(lambda t: t.dtype, expected)
        )
        tf.nest.map_structure(np.testing.assert_array_equal, ours, expected)
    assert len(list(joined(data.batch(4, True), 4))) == 1


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="Linux's")
def test_examples_of_a_data_set_are_held_twice():
    def read(size, steps):
        data = tf.data.Dataset.range(1000).batch(10, True)
        data = data.map(
            lambda i: (tf.random.stateless_uniform([10, size], [i[0], 0]), i)
        )
        train, _ = endless(data, ExampleWeighting(), "training")
        checked = np.ones((10, size), "float32"), np.arange(10)
        validation, _ = endless(checked, ExampleWeighting(), "validation")
        elements = iter(outer_batches(train, validation, steps, 1))
        for _ in range(4):
            element = next(elements)
            time.sleep(0.3)  # In place of learning.
            del element

    read(10, 2)
    before = megabytes("VmRSS")
    forget_peak()
    read(100_000, 40)
    held = 40 * 10 * 100_000 * 4 / 2**20
    assert megabytes("VmHWM") - before < 3 * held


def test_only_data_sets_of_users_are_tuned():
    """Deleting an iterator often waits for the thread that tunes, for seconds."""
    arrays = np.ones((20, 2), "float32"), np.arange(20)
    data = tf.data.Dataset.from_tensor_slices(arrays).batch(4)
    (of_arrays, _), (of_data, _) = (
        endless(given, ExampleWeighting(), "training", 4) for given in (arrays, data)
    )
    untuned = outer_batches(of_arrays, of_arrays, 2, 1), of_arrays.one_by_one()
    assert [d.options().autotune.enabled for d in untuned] == [False, False]
    tuned = outer_batches(of_data, of_arrays, 2, 1), of_data.one_by_one()
    assert [d.options().autotune.enabled for d in tuned] == [None, None]
