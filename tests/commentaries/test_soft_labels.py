"""Corrected labels."""

import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries import SoftLabels, teachers

X = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
Y = np.array([0, 1, 2, 1])


def test_starts_with_smoothed_labels():
    annotation = SoftLabels(3, trust=2.0)(X, Y)
    high = np.exp(2) / (np.exp(2) + 2)
    expected = np.where(np.eye(3)[Y], high, (1 - high) / 2)
    np.testing.assert_allclose(annotation, expected, rtol=1e-6)


def test_a_table_can_exchange_classes():
    labels = SoftLabels(3)
    logits = np.zeros((3, 3))
    logits[1] = [20, 0, 0]
    labels.logits.assign(logits)
    x, y, weights = labels.teach(X, Y)
    np.testing.assert_array_equal(tf.argmax(y, -1), [0, 0, 2, 0])
    assert x is X
    assert weights is None


def test_a_table_of_ids_corrects_single_examples():
    table = teachers.Table(10, outputs=3)
    labels = SoftLabels(3, table, teacher_key="id", student_key="x")
    logits = np.zeros((10, 3))
    logits[7] = [0, 0, 20]
    table.logits.assign(logits)
    x, y, _ = labels.teach({"id": np.array([3, 7, 1, 2]), "x": X}, Y)
    np.testing.assert_array_equal(tf.argmax(y, -1), [0, 2, 2, 1])
    np.testing.assert_array_equal(x, X)


def test_a_network_sees_example_and_label():
    labels = SoftLabels(3, teachers.mlp((8,), outputs=3))
    assert labels(X, Y).shape == (4, 3)


def test_survives_its_config():
    labels = SoftLabels(3, teachers.mlp((8,), outputs=3), trust=1.5)
    copy = SoftLabels.from_config(labels.get_config())
    np.testing.assert_allclose(copy(X, Y), labels(X, Y), rtol=1e-6)


def test_needs_labels():
    with pytest.raises(ValueError, match="SoftLabels with num_classes=3 needs labels"):
        SoftLabels(3).check_batch(X, None)
