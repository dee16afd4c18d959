"""Learning a commentary."""

from tfcommentaries.learning.commentary_learner import CommentaryLearner
from tfcommentaries.learning.diagnosis import compare_hypergradients
from tfcommentaries.learning.few_shot_learner import FewShotLearner
from tfcommentaries.learning.hypergradient_update import NonFiniteHypergradientError
from tfcommentaries.learning.learn_commentary_callback import LearnCommentaryCallback
from tfcommentaries.learning.stop_when_settled import StopWhenSettled

__all__ = [
    "CommentaryLearner",
    "FewShotLearner",
    "LearnCommentaryCallback",
    "NonFiniteHypergradientError",
    "StopWhenSettled",
    "compare_hypergradients",
]
