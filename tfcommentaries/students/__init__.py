"""Keras models as pure functions, and the students of the paper."""

from tfcommentaries.students.functional_student import (
    FunctionalStudent,
    StudentWeights,
)
from tfcommentaries.students.networks import (
    cbr,
    few_shot_net,
    mlp,
    resnet18,
    resnet34,
)

__all__ = [
    "FunctionalStudent",
    "StudentWeights",
    "cbr",
    "few_shot_net",
    "mlp",
    "resnet18",
    "resnet34",
]
