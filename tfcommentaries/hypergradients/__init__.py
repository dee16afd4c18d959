"""Inner training as a layer that gradients flow through."""

from tfcommentaries.hypergradients.inner_problem import InnerProblem, TrainingState
from tfcommentaries.hypergradients.unrolled_training import (
    UnrolledLayer,
    UnrolledTraining,
)

__all__ = ["InnerProblem", "TrainingState", "UnrolledLayer", "UnrolledTraining"]
