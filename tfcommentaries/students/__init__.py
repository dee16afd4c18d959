"""Keras models as pure functions, and the students of the paper."""

from tfcommentaries.students.functional_student import (
    FunctionalStudent,
    StudentWeights,
)
from tfcommentaries.students.losses import (
    as_loss,
    check_takes_weights,
    check_uses_weights,
    example_losses,
    has_own_loss,
)
from tfcommentaries.students.model_like import check_is_keras
from tfcommentaries.students.networks import (
    cbr,
    few_shot_net,
    mlp,
    resnet18,
    resnet34,
)
from tfcommentaries.students.repeating import check_repeats

__all__ = [
    "FunctionalStudent",
    "StudentWeights",
    "as_loss",
    "cbr",
    "check_is_keras",
    "check_repeats",
    "check_takes_weights",
    "check_uses_weights",
    "example_losses",
    "few_shot_net",
    "has_own_loss",
    "mlp",
    "resnet18",
    "resnet34",
]
