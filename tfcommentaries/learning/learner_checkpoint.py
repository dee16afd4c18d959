"""Lets an interrupted `CommentaryLearner.fit` resume where it stopped."""

import hashlib
import json

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.learning.data_checks import slices
from tfcommentaries.learning.workers import gather, is_chief


class LearnerCheckpoint(keras.callbacks.Callback):
    """Saves the whole state of a learner, and its history, after each epoch.

    Keras's `BackupAndRestore` only says during `fit` at which epoch training
    resumes, and the data must be at the right place before. TensorFlow writes a
    checkpoint beside the old one and then switches over, so being killed at any
    moment loses at most one epoch.

    Args:
        directory: where to keep the checkpoint.
        variables: dict of lists of variables to save.
        keep: number of epochs to keep.
        data: dict from names to data sets or tuples of arrays. It resumes only with
            the same arrays; what is in a data set is not looked at.
        strategy: under which learning runs. Of several workers the chief writes, into
            a directory that all of them see.
    """

    def __init__(self, directory, variables, keep=1, data=None, strategy=None):
        super().__init__()
        self._strategy = strategy or tf.distribute.get_strategy()
        self.history = {}
        digests = {name: _digest(values) for name, values in (data or {}).items()}
        self._data = {name: digest for name, digest in digests.items() if digest}
        self.epochs_done = tf.Variable(0, dtype=tf.int64, trainable=False)
        with tf.device("CPU:0"):
            self._history = tf.Variable("{}", trainable=False)
        tracked = {
            name: [v.value if isinstance(v, keras.Variable) else v for v in values]
            for name, values in variables.items()
        }
        checkpoint = tf.train.Checkpoint(
            epochs_done=self.epochs_done, history=self._history, **tracked
        )
        self.manager = tf.train.CheckpointManager(
            checkpoint, directory, max_to_keep=keep
        )

    def restore(self, epochs_done=None):
        """Restores the newest checkpoint, if there is one.

        Args:
            epochs_done: number of epochs of the checkpoint to restore; `None` takes
                the newest.

        Returns:
            The number of epochs that are done.

        Raises:
            ValueError: if the checkpoint is of another learner or of other data, or
                there is none after so many epochs, or not all workers see it.
        """
        if self._strategy.cluster_resolver is not None:
            self._check_shared()
        latest = tf.train.latest_checkpoint(self.manager.directory)
        if epochs_done is not None:
            kept = {_epochs(c): c for c in self.manager.checkpoints}
            if epochs_done not in kept:
                raise ValueError(
                    f"There is no checkpoint after {epochs_done} epochs in "
                    f"{self.manager.directory}, only after {sorted(kept)}. Start over "
                    "with empty directories."
                )
            latest = kept[epochs_done]
        if latest is None:
            return 0
        try:
            status = self.manager.checkpoint.restore(latest)
            status.assert_existing_objects_matched()
        except (ValueError, AssertionError) as error:
            raise ValueError(
                f"The checkpoint {latest} is of another commentary, student or "
                "optimizer. Learn with the same ones, or in an empty directory. "
                f"The error was: {error}"
            ) from error
        self.history, data = _history(self._history.numpy(), latest)
        for name in sorted({*data} & {*self._data}):
            if data[name] != self._data[name]:
                raise ValueError(
                    f"The {name} data are not those that the checkpoint {latest} was "
                    "learned from. Give the same data, or learn in an empty directory."
                )
        return int(self.epochs_done)

    def on_epoch_end(self, epoch, logs=None):
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(np.asarray(value).tolist())
        self.epochs_done.assign(epoch + 1)
        self._save()

    def _save(self):
        if not is_chief(self._strategy.cluster_resolver):
            return
        saved = {"history": self.history, "data": self._data}
        self._history.assign(json.dumps(saved))
        self.manager.save(checkpoint_number=int(self.epochs_done))

    def _check_shared(self):
        """Raises unless all workers see the chief's newest checkpoint.

        So that a directory of which this is not true is noticed before learning, the
        chief writes the state before it, too.
        """
        if tf.train.latest_checkpoint(self.manager.directory) is None:
            self._save()
        gather(self._strategy, 0)  # Nobody looks before it is written.
        directory = self.manager.directory
        latest = tf.train.latest_checkpoint(directory)
        found = gather(self._strategy, _epochs(latest) if latest else -1)
        if len(set(found)) > 1:
            raise ValueError(
                "All workers must see the checkpoints that the chief, the first of "
                "them, writes. Their newest ones are after "
                f"{', '.join('no' if n < 0 else str(n) for n in found)} epochs; here "
                f"it is {directory}. Give all the same `checkpoint_dir`, in a file "
                "system that they share."
            )


def _epochs(checkpoint):
    """The number of epochs after which a checkpoint was written, by its name."""
    return int(checkpoint.rpartition("-")[2])


def _digest(data):
    """The SHA-256 of a tuple of arrays; `None` for a data set."""
    if isinstance(data, tf.data.Dataset):
        return None
    found = hashlib.sha256()
    for array in map(np.asarray, tf.nest.flatten(data)):
        found.update(f"{array.dtype}{array.shape}".encode())
        for part in slices(array):
            if array.dtype == object:  # Such as texts.
                found.update(repr(part.tolist()).encode())
            else:
                found.update(np.ascontiguousarray(part).view(np.uint8))
    return found.hexdigest()


def _history(text, checkpoint):
    """A dict of lists of numbers, and one of digests."""
    try:
        saved = json.loads(text)
        history, data = dict(saved["history"]), dict(saved["data"])
        {name: np.asarray(values, "float64") for name, values in history.items()}
    except (
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise ValueError(
            f"The history in the checkpoint {checkpoint} is not one that a learner "
            f"wrote ({error}). Learn in an empty directory."
        ) from error
    return history, data
