"""Suspected labels are those that a commentary trusts least."""

import numpy as np
import pytest

from tfcommentaries import ExampleWeighting, LabelBlending, SoftLabels, teachers
from tfcommentaries.datasets import Examples
from tfcommentaries.insights import suspected_labels


@pytest.fixture
def examples(vectors):
    return Examples(*vectors)


def test_a_weighting_is_asked_about_every_label(examples):
    commentary = ExampleWeighting(num_classes=3)
    commentary(examples.x, y=examples.y)
    # Trusts class 2 alone, whatever the inputs are.
    for variable in commentary.trainable_variables:
        variable.assign(np.zeros(variable.shape))
    first, *others = (
        layer for layer in commentary.teacher.layers if hasattr(layer, "kernel")
    )
    for layer, row, value in [(first, -1, 1.0), *((one, 0, 3.0) for one in others)]:
        kernel = np.zeros(layer.kernel.shape)
        kernel[row, 0] = value
        layer.kernel.assign(kernel)
    suspects = suspected_labels(commentary, examples, 3)
    assert set(suspects.index) == set(range(12))
    assert (suspects.suggested == 2).all()
    assert (examples.y[suspects.index[-4:]] == 2).all()
    np.testing.assert_allclose(suspects.score[-4:], 0, atol=1e-6)
    assert suspects.score[0] > 0.3
    assert (np.diff(suspects.score) <= 0).all()


def test_a_table_tells_by_the_weight_alone(examples):
    commentary = ExampleWeighting(teachers.Table(12), teacher_key="id", student_key="x")
    inputs = {"id": np.arange(12), "x": examples.x}
    commentary(inputs)
    (table,) = commentary.trainable_variables
    table.assign(np.linspace(2, -2, 12).reshape(table.shape))
    suspects = suspected_labels(commentary, Examples(inputs, examples.y), 3)
    np.testing.assert_array_equal(suspects.index, np.arange(12)[::-1])
    assert (suspects.suggested == -1).all()


def test_soft_labels_tell_what_is_left(examples):
    commentary = SoftLabels(num_classes=3)
    logits = np.zeros((3, 3))
    logits[0, 1] = 6.0  # Class 0 should be 1.
    commentary.logits.assign(logits)
    suspects = suspected_labels(commentary, examples, 3)
    assert (examples.y[suspects.index[:4]] == 0).all()
    assert (suspects.suggested[:4] == 1).all()
    assert (suspects.suggested[4:] == examples.y[suspects.index[4:]]).all()


def test_other_kinds_are_refused(examples):
    with pytest.raises(ValueError, match="the kind label_blending"):
        suspected_labels(LabelBlending(num_classes=3), examples, 3)
