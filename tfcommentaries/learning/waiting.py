"""One line for those who wait for the first outer step."""

import threading
import time

import keras

#: How long it is quiet.
SECONDS = 3.0


class Waiting(keras.callbacks.Callback):
    """Says what is prepared if the first outer step takes long to come.

    A context manager around all that comes before, and a callback that knows when the
    step has been made. The line stands above that of the first epoch. Where an earlier
    `fit` traced the step, it is silent.

    Args:
        learner: the learner, which is asked whether it has traced its step.
        what: what an outer step is made of, for the line.
        verbose: as in Keras; 0 says nothing.
    """

    def __init__(self, learner, what, verbose):
        super().__init__()
        self._learner = learner
        self._silent = verbose == 0
        self._line = (
            f"Preparing the first outer step: {what} and its derivatives are traced "
            "and optimised, once."
        )
        self._say_at = time.monotonic() + SECONDS
        self._timer = None

    def __enter__(self):
        if not self._silent and self._learner.train_function is None:
            left = max(0.0, self._say_at - time.monotonic())
            self._timer = threading.Timer(left, self._say)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, *error):
        self._cancel()

    def on_train_batch_end(self, batch, logs=None):
        self._silent = True
        self._cancel()

    def _cancel(self):
        if self._timer is not None:
            self._timer.cancel()

    def _say(self):
        if not self._silent:
            self._silent = True
            print(self._line, flush=True)


def student_of(model):
    """A student in a few words."""
    return f"the student {model.name!r} ({len(model._flatten_layers())} layers)"
