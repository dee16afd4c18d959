"""Using a commentary to train a student."""

from tfcommentaries.teaching.agreement import agreeing, agreement_rates, trusted
from tfcommentaries.teaching.annotating import annotate
from tfcommentaries.teaching.commentary_callback import CommentaryCallback
from tfcommentaries.teaching.dataset import teach
from tfcommentaries.teaching.evaluation import (
    baselines,
    beaten,
    evaluate,
    mean_and_std,
    paired_gain,
    verdict,
)

__all__ = [
    "CommentaryCallback",
    "agreeing",
    "agreement_rates",
    "annotate",
    "baselines",
    "beaten",
    "evaluate",
    "mean_and_std",
    "paired_gain",
    "teach",
    "trusted",
    "verdict",
]
