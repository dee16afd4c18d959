"""Lets an interrupted `CommentaryLearner.fit` resume where it stopped."""

import json

import keras
import numpy as np
import tensorflow as tf


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
    """

    def __init__(self, directory, variables, keep=1):
        super().__init__()
        self.history = {}
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
            ValueError: if the checkpoint is of another learner, or there is none after
                so many epochs.
        """
        latest = self.manager.latest_checkpoint
        if epochs_done is not None:
            kept = {int(c.rpartition("-")[2]): c for c in self.manager.checkpoints}
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
        self.history = _history(self._history.numpy(), latest)
        return int(self.epochs_done)

    def on_epoch_end(self, epoch, logs=None):
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(np.asarray(value).tolist())
        self._history.assign(json.dumps(self.history))
        self.epochs_done.assign(epoch + 1)
        self.manager.save(checkpoint_number=epoch + 1)


def _history(text, checkpoint):
    """A dict of lists of numbers."""
    try:
        history = json.loads(text)
        {name: np.asarray(values, "float64") for name, values in history.items()}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"The history in the checkpoint {checkpoint} is not one that a learner "
            f"wrote ({error}). Learn in an empty directory."
        ) from error
    return history
