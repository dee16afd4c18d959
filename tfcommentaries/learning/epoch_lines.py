"""What `CommentaryLearner.fit` prints: one line per epoch."""

import sys
import time
import warnings

import keras

from tfcommentaries.learning.annotation_summary import ANNOTATION_SUMMARY
from tfcommentaries.typing import Logs

#: In the logs, but for those who ask for details.
DETAILS = {*ANNOTATION_SUMMARY, "hypergradient_norm", "loss"}


class EpochLines(keras.callbacks.Callback):
    """Prints after each epoch what matters: loss, metrics, trusted sources.

    Keras's own bar prints all that is in the logs, and only numbers. On a terminal the
    line of an epoch also moves while it lasts.

    Args:
        commentary: the `Commentary` that is learned.
    """

    def __init__(self, commentary):
        super().__init__()
        self.commentary = commentary

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._name = f"Epoch {epoch + 1}/{self.params['epochs']}"
        self._began = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if sys.stdout.isatty():
            steps = f"outer step {batch + 1} of {self.params['steps']}"
            print(f"\r\033[K{self._name}: {steps}", end="", flush=True)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        logs = logs or {}
        parts = [f"outer loss {logs['loss']:.3g}"]
        parts += [f"{k} {v:.3g}" for k, v in logs.items() if k not in DETAILS]
        parts += trusted_sources(self.commentary)
        seconds = time.monotonic() - self._began
        start = "\r\033[K" if sys.stdout.isatty() else ""
        print(f"{start}{self._name}: {', '.join(parts)} ({seconds:.0f} s)", flush=True)


def trusted_sources(commentary):
    """How many sources of each column are trusted: a list of texts, empty without."""
    if not commentary.columns:
        return []
    with warnings.catch_warnings():
        # While all weights are alike.
        warnings.simplefilter("ignore")
        table = commentary.table()
    several = len(commentary.columns) > 1
    return [
        f"{len(table.trusted(name))} of {len(column.names)} sources trusted"
        + (f" ({name})" if several else "")
        for name, column in commentary.columns.items()
    ]
