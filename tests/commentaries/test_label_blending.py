"""Blending examples by their classes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries import LabelBlending, teachers

X = np.arange(24, dtype="float32").reshape(4, 3, 2)
Y = np.array([0, 1, 2, 1])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_table_gives_the_row_of_the_label():
    blending = LabelBlending(3)
    blending.logits.assign(np.arange(9).reshape(3, 3))
    rows = blending(X, Y)
    expected = 1 - 0.5 * sigmoid(np.arange(9).reshape(3, 3))[Y]
    np.testing.assert_allclose(rows, expected, rtol=1e-6)


def test_blends_inputs_labels_and_weights_by_the_pair_of_classes():
    blending = LabelBlending(3)
    blending.logits.assign(np.arange(9).reshape(3, 3))
    weights = np.array([1.0, 2.0, 3.0, 4.0], "float32")
    x, y, w = blending.teach(X, Y, weights)
    table = 1 - 0.5 * sigmoid(np.arange(9).reshape(3, 3))
    for i in range(4):
        partner = (i - 1) % 4
        share = table[Y[i], Y[partner]]
        for blended, plain in ((x, X), (y, np.eye(3)[Y]), (w, weights)):
            expected = share * plain[i] + (1 - share) * plain[partner]
            np.testing.assert_allclose(blended[i], expected, rtol=1e-5)


def test_labels_stay_distributions_and_one_hot_gives_the_same():
    blending = LabelBlending(3)
    _, y, _ = blending.teach(X, Y)
    _, again, _ = blending.teach(X, np.eye(3, dtype="float32")[Y])
    np.testing.assert_allclose(tf.reduce_sum(y, -1), 1, rtol=1e-6)
    np.testing.assert_allclose(y, again, rtol=1e-6)


@pytest.mark.parametrize("rank", [1, 2, 3, 4])
def test_blends_inputs_of_any_rank(rank):
    x = np.random.default_rng(0).normal(size=(4,) + (2,) * (rank - 1)).astype("float32")
    blended, _, _ = LabelBlending(3).teach(x, Y)
    assert blended.shape == x.shape


def test_bytes_become_floats():
    x, _, _ = LabelBlending(3).teach(np.full((4, 2), 200, "uint8"), Y)
    np.testing.assert_allclose(x, 200.0, rtol=1e-6)


def test_a_teacher_may_look_at_the_example():
    blending = LabelBlending(3, teachers.mlp((9,), outputs=3))
    rows = blending(X.reshape(4, 6), Y)
    np.testing.assert_allclose(rows, 0.75, rtol=1e-6)


def test_names_of_things_are_not_blended():
    with pytest.raises(ValueError, match="an input is int64"):
        LabelBlending(3).check_batch(np.zeros((4, 2), "int64"), Y)


def test_label_out_of_range_names_the_mend():
    with pytest.raises(ValueError, match=r"3 classes but got label 7.*num_classes=8"):
        LabelBlending(3).check_batch(X, np.array([0, 7, 1, 1]))


def test_survives_its_config():
    blending = LabelBlending(3, teachers.mlp((9,), outputs=3), initial_logit=0.5)
    copy = LabelBlending.from_config(blending.get_config())
    assert copy.num_classes == 3
    assert copy.initial_logit == 0.5
    assert isinstance(copy.teacher, keras.Model)
