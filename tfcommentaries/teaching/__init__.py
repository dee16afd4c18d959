"""Using a commentary to train a student."""

from tfcommentaries.teaching.agreement import (
    agreeing,
    agreement_rates,
    cross_agreeing,
    trusted,
)
from tfcommentaries.teaching.annotating import annotate
from tfcommentaries.teaching.commentary_callback import CommentaryCallback
from tfcommentaries.teaching.comparison import Comparison, Verdict
from tfcommentaries.teaching.conditions import Condition, standard_conditions
from tfcommentaries.teaching.dataset import teach
from tfcommentaries.teaching.evaluation import evaluate, mean_and_std
from tfcommentaries.teaching.scores import Gain, Row

__all__ = [
    "CommentaryCallback",
    "Comparison",
    "Condition",
    "Gain",
    "Row",
    "Verdict",
    "agreeing",
    "agreement_rates",
    "annotate",
    "cross_agreeing",
    "evaluate",
    "mean_and_std",
    "standard_conditions",
    "teach",
    "trusted",
]
