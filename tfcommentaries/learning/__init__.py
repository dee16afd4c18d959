"""Learning a commentary."""

from tfcommentaries.learning.commentary_learner import (
    CommentaryLearner,
    NonFiniteHypergradientError,
)
from tfcommentaries.learning.diagnosis import compare_hypergradients
from tfcommentaries.learning.learn_commentary_callback import LearnCommentaryCallback

__all__ = [
    "CommentaryLearner",
    "LearnCommentaryCallback",
    "NonFiniteHypergradientError",
    "compare_hypergradients",
]
