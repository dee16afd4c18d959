"""What is needed of TensorFlow and Keras and has no public name.

- `Functional`: the class of models made of inputs and outputs. Keras's
  `clone_model` treats these differently from subclasses, so whoever calls it must
  know them.
- `LossFunctionWrapper`: the `keras.Loss` that Keras makes of a function.
- `BaseOptimizer`: optimizers that assign to Keras variables. The public
  `keras.optimizers.Optimizer` assigns to TensorFlow's, which a
  `keras.StatelessScope` cannot follow, so that `stateless_apply` is refused.

TensorFlow 2.16 to 2.21, Keras 3.9 to 3.15. Of the last:
https://github.com/keras-team/keras/pull/18497
"""

from keras.src.losses.losses import LossFunctionWrapper
from keras.src.models.functional import Functional
from keras.src.optimizers.base_optimizer import BaseOptimizer
from tensorflow.compat.v1 import get_default_graph
from tensorflow.python.ops import control_flow_util

__all__ = ["BaseOptimizer", "Functional", "LossFunctionWrapper", "inside_xla"]


def inside_xla():
    """Whether XLA compiles the graph that is being traced."""
    return control_flow_util.GraphOrParentsInXlaContext(get_default_graph())
