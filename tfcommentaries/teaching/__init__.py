"""Using a commentary to train a student."""

from tfcommentaries.teaching.agreement import agreeing, agreement_rates, trusted
from tfcommentaries.teaching.annotating import annotate
from tfcommentaries.teaching.commentary_callback import CommentaryCallback
from tfcommentaries.teaching.comparison import (
    baselines,
    beaten,
    main_metric,
    paired_gain,
    verdict,
)
from tfcommentaries.teaching.dataset import teach
from tfcommentaries.teaching.evaluation import evaluate, mean_and_std

__all__ = [
    "CommentaryCallback",
    "agreeing",
    "agreement_rates",
    "annotate",
    "baselines",
    "beaten",
    "evaluate",
    "main_metric",
    "mean_and_std",
    "paired_gain",
    "teach",
    "trusted",
    "verdict",
]
