"""Warns when learning has gone wrong."""

import warnings

import keras


class HypergradientMonitor(keras.callbacks.Callback):
    """Warns, once for each, when the annotation saturates or hypergradients explode.

    Args:
        spread: annotations whose largest and smallest value differ by less are
            called constant.
        vanished: hypergradients smaller than this fraction of the largest seen so
            far are called vanished.
        exploded: hypergradients with a larger norm are called exploded.
    """

    def __init__(self, spread=0.01, vanished=0.01, exploded=1e6):
        super().__init__()
        self.spread = spread
        self.vanished = vanished
        self.exploded = exploded
        self._largest = 0.0
        self._warned = set()

    def on_epoch_end(self, epoch, logs=None):
        norm = logs["hypergradient_norm"]
        self._largest = max(self._largest, norm)
        spread = logs["annotation_max"] - logs["annotation_min"]
        if spread < self.spread and norm < self.vanished * self._largest:
            self._warn(
                "saturated",
                f"The annotation has saturated: all values lie within {spread:.1g} of "
                f"{logs['annotation_mean']:.3g} and the hypergradient has fallen from "
                f"{self._largest:.2g} to {norm:.2g}, so nothing more is learned. Use "
                "`normalize='batch_mean'`, a smaller outer learning rate, or a "
                "teacher that sees what matters (the label, progress).",
            )
        if norm > self.exploded:
            self._warn(
                "exploded",
                f"The hypergradient has exploded: its norm is {norm:.1g}. Its "
                "direction may be meaningless. Use fewer `inner_steps`, `truncate`, a "
                "smaller learning rate of the student, Adam with a larger "
                "`eps_root`, or `global_clipnorm` in the outer optimizer.",
            )

    def _warn(self, key, message):
        if key not in self._warned:
            self._warned.add(key)
            warnings.warn(message, stacklevel=2)
