"""RMSprop, differentiable."""

import tensorflow as tf

from tfcommentaries.optimizers.inner_optimizer import InnerOptimizer


class RMSprop(InnerOptimizer):
    """The differentiable `keras.optimizers.RMSprop`.

    Keras already adds epsilon under the root, so no other is needed.

    Args:
        learning_rate: as `InnerOptimizer`.
        rho: decay of the second moment.
        momentum: 0 for none.
        epsilon: added under the root.
        centered: whether to subtract the squared mean gradient.
        **kwargs: arguments of `InnerOptimizer`.
    """

    def __init__(
        self,
        learning_rate=0.001,
        rho=0.9,
        momentum=0.0,
        epsilon=1e-7,
        centered=False,
        **kwargs,
    ):
        super().__init__(learning_rate, **kwargs)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def init(self, weights):
        count = 1 + int(self.centered) + int(self.momentum > 0)
        return [(tf.zeros_like(w),) * count for w in weights]

    def mean_squares(self, slots):
        return [of_weight[0] for of_weight in slots]

    def step(self, gradient, slots, weight, learning_rate, step):
        slots = list(slots)
        slots[0] = self.rho * slots[0] + (1 - self.rho) * tf.square(gradient)
        variance = slots[0]
        if self.centered:
            slots[1] = self.rho * slots[1] + (1 - self.rho) * gradient
            variance -= tf.square(slots[1])
        increment = learning_rate * gradient / tf.sqrt(variance + self.epsilon)
        if self.momentum > 0:
            slots[-1] = self.momentum * slots[-1] + increment
            increment = slots[-1]
        return weight - increment, tuple(slots)
