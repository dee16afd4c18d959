"""Whether students learned enough for a commentary to be relied on."""

import warnings

import keras
import numpy as np
import tensorflow as tf

#: Students have learned something if their outer loss is below that of guessing by this
#: share of it.
MARGIN = 0.05
#: Outer steps, at least, that tell whether the outer loss has fallen.
STEPS = 9

LEARNER_MEND = (
    "Raise `inner_steps` or the student's learning rate until the outer loss is "
    "clearly below that of guessing."
)


def loss_of_guessing(loss, y, outputs):
    """The smallest loss of a student that gives every example the same outputs.

    Args:
        loss: function of outputs to a scalar.
        y: labels of validation data.
        outputs: outputs of a student for them, `(batch, ...)`.

    Returns:
        The least loss among constants made from the labels: their mean and median, the
        frequencies of classes, and logits of these. `None` for several outputs.
    """
    if tf.nest.is_nested(y) or tf.nest.is_nested(outputs):
        return None
    y, size = np.asarray(y), outputs.shape[-1]
    if y.dtype.kind in "iub" and size > 1:
        y = np.eye(size)[y.clip(0, size - 1)]  # Losses may ignore classes out of range.
    rows = y.reshape(-1, size).astype("float64")
    mean = rows.mean(0)
    constants = [mean, np.median(rows, 0)]
    if mean.min() >= 0 and mean.max() <= 1:
        share = mean.clip(1e-7, 1 - 1e-7)
        constants += [np.log(share), np.log(share) - np.log1p(-share)]
    losses = [
        float(loss(tf.cast(tf.broadcast_to(c, outputs.shape), outputs.dtype)))
        for c in constants
    ]
    return min(filter(np.isfinite, losses), default=None)


class ReliabilityMonitor(keras.callbacks.Callback):
    """Sets `Commentary.doubt` at the end of learning, and warns if there is one.

    There is one if students are no better than guessing, or if the outer loss has not
    fallen by more than its noise since all annotations were alike. None if that of new
    students has fallen: only the commentary can have helped them.

    Args:
        commentary: what is learned.
        guess: from `loss_of_guessing`.
        mend: what to do if students are no better than that.
        neutral: whether the commentary has no opinion at the start of learning.
        new_students: whether each outer step trains new students.
        before: mean outer losses of epochs before these.
    """

    def __init__(
        self, commentary, guess, mend, neutral=False, new_students=False, before=()
    ):
        super().__init__()
        self.commentary = commentary
        self.guess = guess
        self.mend = mend
        self.neutral = neutral
        self.new_students = new_students
        self._losses = list(before)
        self._sum = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self._sum = 0.0

    def on_train_batch_end(self, batch, logs=None):
        # Logs hold the mean since the start of the epoch.
        total = float(np.mean(logs["loss"])) * (batch + 1)
        self.add(total - self._sum)
        self._sum = total

    def add(self, loss):
        """Notes an outer loss."""
        self._losses.append(loss)

    def on_train_end(self, logs=None):
        if not self._losses:
            return
        self.commentary.check_learned()
        self.commentary.doubt = self._doubt()
        if self.commentary.doubt is not None:
            warnings.warn(self.commentary.doubt, stacklevel=2)

    def _doubt(self):
        losses = np.array(self._losses)
        part = max(1, len(losses) // 3)
        first, last = losses[:part], losses[-part:]
        trend = None
        if self.new_students and len(losses) >= STEPS:
            trend = _trend(losses)
        guesses = self.guess is not None and (
            last.mean() > self.guess - MARGIN * abs(self.guess)
        )
        if guesses and (trend is None or trend > -2):
            return (
                "The weights are unreliable: students are no better than guessing. "
                f"Their outer loss is {last.mean():.3g}, that of guessing "
                f"{self.guess:.3g}. {self.mend}"
            )
        if self.neutral and trend is not None and trend > -1:
            return (
                "The weights are unreliable: the outer loss has not fallen by more "
                f"than its noise. It was {first.mean():.3g} and is "
                f"{last.mean():.3g}. Either there is nothing to gain from these "
                "weights, or learning needs more epochs, `inner_steps` or checked "
                "examples."
            )
        return None


def _trend(values):
    """The slope of values over their number, in standard errors of it."""
    if np.ptp(values) == 0:
        return 0.0
    r = np.corrcoef(np.arange(len(values)), values)[0, 1]
    return r * np.sqrt((len(values) - 2) / max(1 - r**2, 1e-12))
