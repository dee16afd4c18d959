"""How far long work is, as one line."""

import sys
import time

import keras


class ProgressLine:
    """Prints how far work is: a line that moves on a terminal, else one per quarter.

    Args:
        target: how many units there are.
        unit: what they are.
    """

    def __init__(self, target, unit):
        self.target = target
        self.unit = unit
        self._began = time.monotonic()
        self._first = None
        self._printed = 0

    def update(self, done, text=""):
        """Says that so many units are done, and what came out of it."""
        if self._first is None:
            # What was done before an interruption took none of this time, and the
            # first unit has all the tracing.
            self._first, self._began = done, time.monotonic()
        line = f"  {self.unit} {done} of {self.target}"
        if text:
            line += f", {text}"
        if self._first < done < self.target:
            passed = time.monotonic() - self._began
            left = passed / (done - self._first) * (self.target - done)
            line += f", {_duration(left)} left"
        if sys.stdout.isatty():
            end = "\n" if done >= self.target else ""
            print(f"\r\033[K{line}", end=end, flush=True)
        elif done * 4 // self.target > self._printed:
            self._printed = done * 4 // self.target
            print(line, flush=True)


class LearningProgress(keras.callbacks.Callback):
    """A `ProgressLine` of outer steps.

    Args:
        steps_per_epoch: outer steps of an epoch.
        epochs: of the whole.
    """

    def __init__(self, steps_per_epoch, epochs):
        super().__init__()
        self.steps_per_epoch = steps_per_epoch
        self.line = ProgressLine(steps_per_epoch * epochs, "outer step")

    def on_epoch_begin(self, epoch, logs=None):
        if epoch and not hasattr(self, "_before"):
            print(f"  going on after outer step {epoch * self.steps_per_epoch}")
        self._before = epoch * self.steps_per_epoch

    def on_train_batch_end(self, batch, logs=None):
        loss = float(logs["loss"])
        self.line.update(self._before + batch + 1, f"outer loss {loss:.3f}")


def _duration(seconds):
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
