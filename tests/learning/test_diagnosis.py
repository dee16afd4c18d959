"""The diagnostic tells good estimates from bad ones."""

import numpy as np
import pytest
from models import make_student

from tfcommentaries import ExampleWeighting, ImplicitTraining, UnrolledTraining
from tfcommentaries.learning import compare_hypergradients
from tfcommentaries.students import FunctionalStudent


def test_compares_with_the_first(digits):
    x = digits.train.x[:320].reshape(10, 32, 64)
    y = digits.train.y[:320].reshape(10, 32)
    student = FunctionalStudent(make_student((64,), optimizer="sgd"))
    student.build(x[0], y[0])
    weighting = ExampleWeighting(num_classes=10)
    weighting(x[0], y=y[0], progress=0.0)
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
