"""Stops learning when the trusted groups stay the same."""

import warnings

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.typing import Logs


class StopWhenSettled(keras.callbacks.Callback):
    """Stops `fit` when the trusted groups have not changed for some outer steps.

    Otherwise weights of similar groups would drift with the noise of a few checked
    examples. `CommentaryLearner` stops by itself if learning started from the checked
    examples (`settled_after`). Groups far from the border of trust cannot cross it in a
    few steps, so only groups near it prolong learning.

    Example, without such a start, which needs more patience:

    >>> learner.fit(x_grouped, y, validation_data=checked, epochs=10,
    ...             callbacks=[StopWhenSettled(weighting, patience=10)])

    Args:
        commentary: a `Commentary` with groups.
        patience: outer steps without a change, at least 1; `None` never stops.
    """

    def __init__(self, commentary: Commentary, patience: int | None = 3) -> None:
        super().__init__()
        if patience is not None and patience < 1:
            raise ValueError(
                "`patience` must be at least 1, or None. Received: "
                f"patience={patience!r}"
            )
        self.commentary = commentary
        self.patience = patience
        self._columns = commentary.columns
        number = sum(len(column.names) for column in self._columns.values())
        self._trusted = tf.Variable(np.zeros(number, bool), trainable=False)
        # -1: not begun.
        self._unchanged = tf.Variable(-1, dtype=tf.int64, trainable=False)

    @property
    def variables(self) -> list[tf.Variable]:
        """Variables for a checkpoint, so that learning stops as without a break."""
        return [self._trusted, self._unchanged]

    @property
    def begun(self) -> bool:
        """Whether steps are counted."""
        return int(self._unchanged) >= 0

    @property
    def settled(self) -> bool:
        """Whether nothing has changed for long enough."""
        return self.patience is not None and int(self._unchanged) >= self.patience

    def begin(self) -> None:
        """Notes what is trusted before the first outer step."""
        self._trusted.assign(self._now())
        self._unchanged.assign(0)

    def on_train_begin(self, logs: Logs = None) -> None:
        if not self.begun:
            self.begin()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        now = self._now()
        same = np.array_equal(now, self._trusted)
        self._trusted.assign(now)
        self._unchanged.assign(self._unchanged + 1 if same else 0)
        if self.settled:
            self.model.stop_training = True

    def _now(self):
        """Whether each group of each column is trusted."""
        with warnings.catch_warnings():
            # Equal weights say nothing of the groups, but here nobody is told.
            warnings.simplefilter("ignore")
            table = self.commentary.table()
        found = []
        for column, groups in self._columns.items():
            trusted = set(table.trusted(column))
            found += [name in trusted for name in groups.names]
        return found
