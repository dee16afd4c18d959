"""What a commentary has learned, for people. Needs the extra `insights`."""

from tfcommentaries.insights.gains import final_scores, learning_curves
from tfcommentaries.insights.pictures import (
    group_weights,
    learning_history,
    ranked_examples,
    weights_over_progress,
)
from tfcommentaries.insights.report import write_report
from tfcommentaries.insights.summaries import CommentarySummaries
from tfcommentaries.insights.suspects import Suspects, suspected_labels
from tfcommentaries.insights.views import View, views

__all__ = [
    "CommentarySummaries",
    "Suspects",
    "View",
    "final_scores",
    "group_weights",
    "learning_curves",
    "learning_history",
    "ranked_examples",
    "suspected_labels",
    "views",
    "weights_over_progress",
    "write_report",
]
