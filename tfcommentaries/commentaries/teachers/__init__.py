"""Networks and tables inside a commentary.

None of them holds batch statistics: a teacher's output for an example must not
depend on the other examples of its batch, nor differ between learning and
serving.
"""

from tfcommentaries.commentaries.teachers.masks import GaussianMask, key_points, unet
from tfcommentaries.commentaries.teachers.networks import (
    cbr,
    convolutions,
    default,
    mlp,
)
from tfcommentaries.commentaries.teachers.table import Table

__all__ = [
    "GaussianMask",
    "Table",
    "cbr",
    "convolutions",
    "default",
    "key_points",
    "mlp",
    "unet",
]
