"""Progress of long work, as one line."""

import sys
import textwrap
import time

import keras


def say(text):
    """Prints a sentence or two, in lines of at most 80 characters."""
    print(textwrap.fill(text, 80, break_long_words=False, break_on_hyphens=False))


class ProgressLine:
    """Prints progress: one updated line on a terminal, else one line per quarter.

    Args:
        target: number of units.
        unit: name of a unit.
    """

    def __init__(self, target, unit):
        self.target = target
        self.unit = unit
        self._began = time.monotonic()
        self._first = None
        self._printed = 0
        self._open = False

    def end(self):
        """Ends the line, if not all units were needed."""
        if self._open:
            print()

    def update(self, done, text=""):
        """Reports the number of units done, and a text about the last one."""
        if self._first is None:
            # Units done before an interruption took none of this time, and the first
            # one includes all the tracing.
            self._first, self._began = done, time.monotonic()
        line = f"  {self.unit} {done} of {self.target}"
        if text:
            line += f", {text}"
        if self._first < done < self.target:
            passed = time.monotonic() - self._began
            left = passed / (done - self._first) * (self.target - done)
            line += f", {_duration(left)} left"
        if sys.stdout.isatty():
            self._open = done < self.target
            print(f"\r\033[K{line}", end="" if self._open else "\n", flush=True)
        elif done * 4 // self.target > self._printed:
            self._printed = done * 4 // self.target
            print(line, flush=True)


class LearningProgress(keras.callbacks.Callback):
    """A `ProgressLine` of outer steps.

    Args:
        steps_per_epoch: outer steps of an epoch.
        epochs: number of epochs.
    """

    def __init__(self, steps_per_epoch, epochs):
        super().__init__()
        self.steps_per_epoch = steps_per_epoch
        self.line = ProgressLine(steps_per_epoch * epochs, "outer step")

    def on_epoch_begin(self, epoch, logs=None):
        if epoch and not hasattr(self, "_before"):
            print(f"  resuming after outer step {epoch * self.steps_per_epoch}")
        self._before = epoch * self.steps_per_epoch

    def on_train_batch_end(self, batch, logs=None):
        loss = float(logs["loss"])
        self.line.update(self._before + batch + 1, f"outer loss {loss:.3f}")

    def on_train_end(self, logs=None):
        self.line.end()


def _duration(seconds):
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
