"""Adam and AdamW, differentiable."""

import tensorflow as tf

from tfcommentaries.optimizers.inner_optimizer import InnerOptimizer


class Adam(InnerOptimizer):
    """The differentiable `keras.optimizers.Adam` and `AdamW`.

    `sqrt(v)` has no derivative at `v = 0`, where a weight sits that never had a
    gradient (a pixel that is always black). So the root is taken of
    `v + eps_root`. The default is too small to change a step or its derivative
    anywhere else.

    Args:
        learning_rate: as `InnerOptimizer`.
        beta_1: decay of the first moment.
        beta_2: decay of the second moment.
        epsilon: added to the root of the second moment.
        amsgrad: whether to keep the largest second moment.
        eps_root: added under the root. Larger values tame hypergradients that
            explode, and change the steps.
        **kwargs: arguments of `InnerOptimizer`.
    """

    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        amsgrad=False,
        eps_root=1e-20,
        **kwargs,
    ):
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad
        self.eps_root = eps_root

    def init(self, weights):
        return [(tf.zeros_like(w),) * (3 if self.amsgrad else 2) for w in weights]

    def mean_squares(self, slots):
        return [of_weight[-1] for of_weight in slots]

    def step(self, gradient, slots, weight, learning_rate, step):
        count = tf.cast(step + 1, weight.dtype)
        bias_1 = 1 - tf.pow(tf.cast(self.beta_1, weight.dtype), count)
        bias_2 = 1 - tf.pow(tf.cast(self.beta_2, weight.dtype), count)
        alpha = learning_rate * tf.sqrt(bias_2) / bias_1
        m = slots[0] + (1 - self.beta_1) * (gradient - slots[0])
        v = slots[1] + (1 - self.beta_2) * (tf.square(gradient) - slots[1])
        new_slots, largest = (m, v), v
        if self.amsgrad:
            largest = tf.maximum(slots[2], v)
            new_slots = (m, v, largest)
        denominator = tf.sqrt(largest + self.eps_root) + self.epsilon
        return weight - alpha * m / denominator, new_slots
