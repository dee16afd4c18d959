"""Batches of the outer loop: in order from any step on, and without copies."""

import os

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.harness import forget_peak, megabytes
from tfcommentaries import ExampleWeighting
from tfcommentaries.learning.outer_batches import endless, outer_batches


@pytest.mark.parametrize("kind", ["arrays", "data set"])
def test_starting_at_a_step_gives_what_skipping_gives(kind):
    data = np.arange(50, dtype="float32").reshape(25, 2), np.array(list("abcde") * 5)
    if kind == "data set":
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
