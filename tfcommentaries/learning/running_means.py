"""Means of what is logged in each step of a small model."""

import tensorflow as tf


class RunningMeans:
    """Means of several scalars, which are updated together.

    As one `keras.metrics.Mean` for each, but with one operation for all: a step of a
    small model takes no longer than the metrics did.

    Args:
        names: of the scalars.
    """

    def __init__(self, names):
        self.names = tuple(names)
        # How many there are, and their sums.
        self._sums = tf.Variable(tf.zeros([len(self.names) + 1]), trainable=False)

    @property
    def count(self):
        """How many of each there have been since `reset_state`."""
        return int(self._sums[0])

    def update_state(self, values):
        """Adds a dict of scalars by their names, all of them."""
        values = [tf.cast(values[name], tf.float32) for name in self.names]
        self._sums.assign_add(tf.stack([1.0, *values]))

    def result(self):
        """The means, a dict of scalar tensors; 0 before the first update."""
        count, *sums = tf.unstack(self._sums)
        return {n: tf.math.divide_no_nan(s, count) for n, s in zip(self.names, sums)}

    def reset_state(self):
        """Forgets all that was added."""
        self._sums.assign(tf.zeros_like(self._sums))
