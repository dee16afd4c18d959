"""The diagnostic tells good estimates from bad ones."""

import keras
import numpy as np
import pytest
from models import make_student

from tfcommentaries import (
    ExampleWeighting,
    ImplicitTraining,
    LabelBlending,
    SoftLabels,
    UnrolledTraining,
    students,
)
from tfcommentaries.hypergradients.solvers import Neumann
from tfcommentaries.learning import compare_hypergradients
from tfcommentaries.students import FunctionalStudent


def test_compares_with_the_first(digits):
    x = digits.train.x[:320].reshape(10, 32, 64)
    y = digits.train.y[:320].reshape(10, 32)
    student = FunctionalStudent(make_student((64,), optimizer="sgd"))
    student.build(x[0], y[0])
    weighting = ExampleWeighting(num_classes=10)
    weighting(x[0], y=y[0])
    generator = np.random.default_rng(0)
    for variable in weighting.trainable_variables:
        variable.assign(generator.normal(size=variable.shape) * 0.1)
    found = compare_hypergradients(
        weighting,
        student,
        {
            "all": UnrolledTraining(),
            "same": UnrolledTraining(checkpoint_interval=10, truncate=10),
            "last": UnrolledTraining(truncate=1),
            "implicit": ImplicitTraining(),
        },
        (x, y),
        (x[0], y[0]),
    )
    assert found["all"]["distance"] == 0
    assert found["same"]["cosine"] == pytest.approx(1, abs=1e-4)
    assert found["same"]["distance"] < 1e-3
    assert 0.1 < found["last"]["distance"] < 1
    assert 0 < found["last"]["norm"] < found["all"]["norm"]
    assert abs(found["implicit"]["cosine"]) <= 1


def test_neumann_series_are_not_drowned_by_their_last_term(digits):
    """Curvatures of batch-normalised networks are in the tens and hundreds."""
    x = digits.train.x[:640].reshape(20, 32, 8, 8, 1)
    y = np.eye(10, dtype="float32")[digits.train.y[:640]].reshape(20, 32, 10)
    model = students.cbr((8, 8, 1), 10)
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
    student = FunctionalStudent(model)
    student.build(x[0], y[0])
    blending = LabelBlending(10)
    found = compare_hypergradients(
        blending,
        student,
        {
            "first order": ImplicitTraining(solver="identity"),
            "default": ImplicitTraining(),
            "too large": ImplicitTraining(solver=Neumann(1, 0.1)),
            "drowned": ImplicitTraining(solver=Neumann(1, 0.1, may_grow=True)),
        },
        (x, y),
        (x[0], y[0]),
    )
    assert found["default"]["cosine"] > 0.95
    assert found["too large"]["cosine"] > 0.8
    assert found["drowned"]["cosine"] < 0.8


@pytest.mark.parametrize("kind", [LabelBlending, SoftLabels])
def test_labels_take_the_form_that_a_student_gets(kind, digits):
    x = digits.train.x[:64].reshape(2, 32, 64)
    y = digits.train.y[:64].reshape(2, 32)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    student = FunctionalStudent(make_student((64,), optimizer="sgd", loss=loss))
    student.build(x[0], np.eye(10)[y[0]])
    commentary = kind(num_classes=10)
    commentary(x[0], y=y[0])
    found = [
        compare_hypergradients(
            commentary, student, {"all": UnrolledTraining()}, (x, y), (x[0], labels)
        )["all"]["norm"]
        for labels in (y[0], np.eye(10, dtype="float32")[y[0]])
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-5) and found[0] > 0
