"""What is taught: commentaries, the teachers inside them, and controls."""

from tfcommentaries.commentaries import teachers
from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.commentaries.controls import ConstantWeighting, ShuffledWeighting
from tfcommentaries.commentaries.example_weighting import ExampleWeighting

__all__ = [
    "Commentary",
    "ConstantWeighting",
    "ExampleWeighting",
    "ShuffledWeighting",
    "teachers",
]
