"""Commentaries, the teachers inside them (networks or tables), and controls."""

from tfcommentaries.commentaries import teachers
from tfcommentaries.commentaries.attention_mask import AttentionMask
from tfcommentaries.commentaries.auxiliary_targets import AuxiliaryTargets
from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.commentaries.composition import Composition
from tfcommentaries.commentaries.controls import (
    ConstantWeighting,
    RandomWeighting,
    ShuffledWeighting,
)
from tfcommentaries.commentaries.element_weighting import ElementWeighting
from tfcommentaries.commentaries.example_weighting import ExampleWeighting
from tfcommentaries.commentaries.group_names import GroupNames
from tfcommentaries.commentaries.group_table import GroupTable
from tfcommentaries.commentaries.group_weighting import GroupWeighting
from tfcommentaries.commentaries.label_blending import LabelBlending
from tfcommentaries.commentaries.loss_weighting import LossWeighting
from tfcommentaries.commentaries.soft_labels import SoftLabels

__all__ = [
    "AttentionMask",
    "AuxiliaryTargets",
    "Commentary",
    "Composition",
    "ConstantWeighting",
    "ElementWeighting",
    "ExampleWeighting",
    "GroupNames",
    "GroupTable",
    "GroupWeighting",
    "LabelBlending",
    "LossWeighting",
    "RandomWeighting",
    "ShuffledWeighting",
    "SoftLabels",
    "teachers",
]
