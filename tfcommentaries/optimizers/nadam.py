"""Nadam, differentiable."""

import tensorflow as tf

from tfcommentaries.optimizers.inner_optimizer import InnerOptimizer


class Nadam(InnerOptimizer):
    """The differentiable `keras.optimizers.Nadam`.

    Args:
        learning_rate: as `InnerOptimizer`.
        beta_1: decay of the first moment.
        beta_2: decay of the second moment.
        epsilon: added to the root of the second moment.
        eps_root: added under the root, as in `Adam`.
        **kwargs: arguments of `InnerOptimizer`.
    """

    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        eps_root=1e-20,
        **kwargs,
    ):
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.eps_root = eps_root

    def init(self, weights):
        # The last is Keras's product of the momenta of all steps.
        return [
            (tf.zeros_like(w), tf.zeros_like(w), tf.ones([], w.dtype)) for w in weights
        ]

    def mean_squares(self, slots):
        return [of_weight[1] for of_weight in slots]

    def step(self, gradient, slots, weight, learning_rate, step):
        # Keras's roundings: 1 - beta_2 has the precision of the weights.
        count = tf.cast(step + 1, weight.dtype)
        beta_1, beta_2, decay = (
            tf.cast(number, weight.dtype) for number in (self.beta_1, self.beta_2, 0.96)
        )
        now = beta_1 * (1 - 0.5 * tf.pow(decay, count))
        after = beta_1 * (1 - 0.5 * tf.pow(decay, count + 1))
        product = slots[2] * now
        m = slots[0] + (gradient - slots[0]) * (1 - beta_1)
        v = slots[1] + (tf.square(gradient) - slots[1]) * (1 - beta_2)
        m_hat = after * m / (1 - product * after) + (1 - now) * gradient / (1 - product)
        v_hat = v / (1 - tf.pow(beta_2, count))
        root = tf.sqrt(v_hat + self.eps_root) + self.epsilon
        return weight - learning_rate * m_hat / root, (m, v, product)
