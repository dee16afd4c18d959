"""Inner training, and inner problems in general, as differentiable layers."""

from tfcommentaries.hypergradients import solvers
from tfcommentaries.hypergradients.implicit_solution import ImplicitSolution
from tfcommentaries.hypergradients.implicit_training import ImplicitTraining
from tfcommentaries.hypergradients.inner_problem import InnerProblem, TrainingState
from tfcommentaries.hypergradients.loss_weighted_problem import LossWeightedProblem
from tfcommentaries.hypergradients.optimality import (
    FiniteDifference,
    FixedPoint,
    Root,
    Stationary,
)
from tfcommentaries.hypergradients.unrolled_training import UnrolledTraining

__all__ = [
    "FiniteDifference",
    "FixedPoint",
    "ImplicitSolution",
    "ImplicitTraining",
    "InnerProblem",
    "LossWeightedProblem",
    "Root",
    "Stationary",
    "TrainingState",
    "UnrolledTraining",
    "solvers",
]
