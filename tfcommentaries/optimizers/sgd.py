"""Stochastic gradient descent, differentiable."""

import tensorflow as tf

from tfcommentaries.optimizers.inner_optimizer import InnerOptimizer


class SGD(InnerOptimizer):
    """The differentiable `keras.optimizers.SGD`.

    Args:
        learning_rate: as `InnerOptimizer`.
        momentum: 0 to 1.
        nesterov: whether to use Nesterov's momentum.
        **kwargs: arguments of `InnerOptimizer`.
    """

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.momentum = momentum
        self.nesterov = nesterov

    def init(self, weights):
        if not self.momentum:
            return [() for _ in weights]
        return [(tf.zeros_like(w),) for w in weights]

    def step(self, gradient, slots, weight, learning_rate, step):
        if not self.momentum:
            return weight - learning_rate * gradient, ()
        velocity = self.momentum * slots[0] - learning_rate * gradient
        if self.nesterov:
            weight += self.momentum * velocity - learning_rate * gradient
        else:
            weight += velocity
        return weight, (velocity,)
