"""The differentiable form of a Keras optimizer."""

import keras
import tensorflow as tf


class InnerOptimizer:
    """A Keras optimizer as a pair of pure functions, `init` and `update`.

    Keras's own optimizers assign to variables, through which no gradient flows.
    Subclasses say what one step does in `step`; clipping, weight decay and the
    learning-rate schedule are here, in Keras's order: clip, decay, step.

    Args:
        learning_rate: a number, a `keras.optimizers.schedules.LearningRateSchedule`,
            or a function without arguments that gives a number.
        weight_decay: decoupled weight decay, or `None`.
        clipnorm: largest norm of each gradient, or `None`.
        global_clipnorm: largest norm of all gradients together, or `None`.
        clipvalue: largest absolute value of a gradient, or `None`.
        decayed: for each weight, whether `weight_decay` applies; `None` means all.
    """

    def __init__(
        self,
        learning_rate,
        weight_decay=None,
        clipnorm=None,
        global_clipnorm=None,
        clipvalue=None,
        decayed=None,
    ):
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.global_clipnorm = global_clipnorm
        self.clipvalue = clipvalue
        self.decayed = decayed

    def init(self, weights):
        """Makes the slots, a list with one tuple of tensors per weight."""
        raise NotImplementedError

    def step(self, gradient, slots, weight, learning_rate, step):
        """One step of one weight; returns `(weight, slots)`."""
        raise NotImplementedError

    def mean_squares(self, slots):
        """Mean squared gradients that steps are scaled by, or `None`."""
        return None

    def update(self, gradients, slots, weights, step):
        """One step of all weights.

        Args:
            gradients: a tensor per weight.
            slots: as `init` made them.
            weights: a tensor per weight.
            step: integer scalar, 0 for the first step.

        Returns:
            `(weights, slots)` after the step.
        """
        gradients, weights, rate = self.prepared(gradients, weights, step)
        updated = [
            self.step(gradient, slot, weight, tf.cast(rate, weight.dtype), step)
            for gradient, slot, weight in zip(gradients, slots, weights, strict=True)
        ]
        return [weight for weight, _ in updated], [slot for _, slot in updated]

    def prepared(self, gradients, weights, step):
        """What comes before `step`: clipping, weight decay, the schedule.

        Args:
            gradients: a tensor per weight.
            weights: a tensor per weight.
            step: integer scalar.

        Returns:
            `(gradients, weights, learning_rate)`.
        """
        rate = self.learning_rate
        if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
            rate = rate(tf.cast(step, tf.int64))  # The dtype of Keras's own count.
        elif callable(rate):
            rate = rate()
        rate = tf.cast(rate, weights[0].dtype)
        if self.weight_decay is not None:
            decayed = self.decayed or [True] * len(weights)
            weights = [
                self._decay(w, tf.cast(rate, w.dtype)) if decays else w
                for w, decays in zip(weights, decayed, strict=True)
            ]
        return self._clip(gradients), weights, rate

    def _decay(self, weight, rate):
        return weight - weight * tf.cast(self.weight_decay, weight.dtype) * rate

    def _clip(self, gradients):
        # Keras applies the first of the three that is set.
        if self.clipnorm:
            return [_scale_to(self.clipnorm, [g])[0] for g in gradients]
        if self.global_clipnorm:
            return _scale_to(self.global_clipnorm, gradients)
        if self.clipvalue:
            limit = self.clipvalue
            return [tf.clip_by_value(g, -limit, limit) for g in gradients]
        return gradients


def _scale_to(limit, gradients):
    # The maximum is inside the root: at a zero gradient the root alone has an
    # infinite derivative.
    squared = tf.add_n([tf.reduce_sum(tf.square(g)) for g in gradients])
    scale = limit / tf.sqrt(tf.maximum(squared, tf.cast(limit**2, squared.dtype)))
    return [g * scale for g in gradients]
