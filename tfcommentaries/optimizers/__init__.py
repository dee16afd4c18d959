"""Keras optimizers in a differentiable form."""

from tfcommentaries.optimizers.adam import Adam
from tfcommentaries.optimizers.from_keras import from_keras
from tfcommentaries.optimizers.inner_optimizer import InnerOptimizer
from tfcommentaries.optimizers.nadam import Nadam
from tfcommentaries.optimizers.rmsprop import RMSprop
from tfcommentaries.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adam",
    "InnerOptimizer",
    "Nadam",
    "RMSprop",
    "from_keras",
]
