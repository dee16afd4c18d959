"""Learning a commentary."""

from tfcommentaries.learning.commentary_learner import (
    CommentaryLearner,
    NonFiniteHypergradientError,
)

__all__ = ["CommentaryLearner", "NonFiniteHypergradientError"]
