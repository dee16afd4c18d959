"""Steps of all weights at once."""

import tensorflow as tf

from tfcommentaries.optimizers.adam import Adam
from tfcommentaries.optimizers.inner_optimizer import InnerOptimizer
from tfcommentaries.optimizers.nadam import Nadam
from tfcommentaries.optimizers.rmsprop import RMSprop
from tfcommentaries.optimizers.sgd import SGD

#: By exact class: a subclass may look at a weight as a whole.
_BY_ELEMENT = Adam, Nadam, RMSprop, SGD


class Flattened(InnerOptimizer):
    """Another optimizer on one vector with all weights in it.

    The same numbers in far fewer operations: a network has dozens of weights, and a
    step of Adam has a dozen operations, each of which has a gradient.

    Args:
        optimizer: an `InnerOptimizer` whose `step` treats each number on its own.
        weights: tensors or variables as they will be trained, all of one dtype.
    """

    def __init__(self, optimizer, weights):
        super().__init__(optimizer.learning_rate)
        self.optimizer = optimizer
        self._shapes = [weight.shape for weight in weights]
        self._sizes = [weight.shape.num_elements() for weight in weights]

    @staticmethod
    def suits(optimizer, weights):
        """Whether this is possible and saves operations."""
        dtypes = {weight.dtype for weight in weights}
        return type(optimizer) in _BY_ELEMENT and len(weights) > 1 and len(dtypes) == 1

    def init(self, weights):
        return self.optimizer.init([self.join(weights)])

    def update(self, gradients, slots, weights, step):
        gradients, weights, rate = self.optimizer.prepared(gradients, weights, step)
        weights, slots = self.optimizer.step(
            self.join(gradients), slots[0], self.join(weights), rate, step
        )
        return self.split(weights), [slots]

    def update_vector(self, gradient, slots, vector, step):
        """`update` where gradients and weights are one vector each."""
        optimizer = self.optimizer
        decays = optimizer.weight_decay is not None and optimizer.decayed is not None
        if decays or optimizer.clipnorm:  # These look at each weight.
            weights, slots = self.update(
                self.split(gradient), slots, self.split(vector), step
            )
            return self.join(weights), slots
        (gradient,), (vector,), rate = optimizer.prepared([gradient], [vector], step)
        vector, slots = optimizer.step(gradient, slots[0], vector, rate, step)
        return vector, [slots]

    def mean_squares(self, slots):
        found = self.optimizer.mean_squares(slots)
        return None if found is None else self.split(found[0])

    def join(self, tensors):
        """All numbers of tensors like the weights, as one vector."""
        return tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], 0)

    def split(self, vector):
        """Tensors like the weights, from one vector."""
        parts = tf.split(vector, self._sizes)
        return [tf.reshape(p, shape) for p, shape in zip(parts, self._shapes)]
