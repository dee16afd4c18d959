"""Pictures of what a commentary has learned. Needs the extra `insights`."""

from tfcommentaries.insights.pictures import (
    learning_curves,
    learning_history,
    ranked_examples,
    weights_over_progress,
)

__all__ = [
    "learning_curves",
    "learning_history",
    "ranked_examples",
    "weights_over_progress",
]
