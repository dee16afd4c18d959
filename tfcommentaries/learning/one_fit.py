"""What one `fit` of a learner does around its outer steps."""

import keras
import tensorflow as tf

from tfcommentaries.learning.checked_start import LEAST_STEPS, start_from_checked
from tfcommentaries.learning.epoch_lines import EpochLines
from tfcommentaries.learning.hypergradient_monitor import HypergradientMonitor
from tfcommentaries.learning.hypergradient_update import StopAtNonFinite
from tfcommentaries.learning.learner_checkpoint import LearnerCheckpoint
from tfcommentaries.learning.outer_batches import VALIDATION, endless, outer_batches
from tfcommentaries.learning.preparation import prepare
from tfcommentaries.learning.reliability import (
    LEARNER_MEND,
    MARGIN,
    ReliabilityMonitor,
)
from tfcommentaries.learning.repeats import Repeats
from tfcommentaries.learning.stop_when_settled import StopWhenSettled
from tfcommentaries.learning.waiting import Waiting, student_of


class OneFit:
    """One `fit` of a `CommentaryLearner`: data, start, resumption, end, repeats.

    Args:
        learner: the learner, compiled.
        data: `(training, validation)` from `training_and_validation`.
        batch_sizes: of both, or `None`, as for `CommentaryLearner.fit`.
        schedule: `(steps_per_epoch, epochs)`, each may be `None`.
        verbose: as for `CommentaryLearner.fit`.

    Raises:
        ValueError: if the data do not fit.
    """

    def __init__(self, learner, data, batch_sizes, schedule, verbose):
        self.learner = learner
        self.commentary = learner.commentary
        self.train, self.validation = data
        self.verbose = verbose
        self.steps_per_epoch, self.epochs = completed(schedule, self.commentary)
        seed = learner.seed
        self._batches, batch = endless(
            self.train, self.commentary, "training", batch_sizes[0], seed
        )
        self._checked, checked = endless(
            self.validation,
            self.commentary,
            "validation",
            batch_sizes[1],
            seed + 1,
            VALIDATION,
        )
        self._sizes = [len(tf.nest.flatten(part)[0]) for part in (batch, checked)]
        self._waiting = Waiting(learner, student_of(learner.student.model), verbose)
        with self._waiting, learner.distribute_strategy.scope():
            self._prepared = prepare(learner, batch, checked)
            learner.initialization.plan(self.epochs * self.steps_per_epoch)
        self.commentary.combine([])
        self._repeats = Repeats(learner) if learner.repeats else None
        self._settling = self._make_settling()

    def run(self, callbacks, checkpoint_dir):
        """Learns, from where a checkpoint left off if there is one.

        Args:
            callbacks: the user's Keras callbacks, or `None`.
            checkpoint_dir: a folder, or `None`.

        Returns:
            A `keras.callbacks.History` of all epochs.
        """
        learner = self.learner
        checkpoint, done = None, 0
        if checkpoint_dir is not None:
            checkpoint = self._checkpoint(checkpoint_dir)
            done = checkpoint.restore()
        data = self._data(done * self.steps_per_epoch)
        with self._waiting, learner.stepping():
            if not done and self._start():
                self._settling.begin()
            before = checkpoint.history.get("loss", ()) if done else ()
            internal = [
                self._waiting,
                learner.initialization,
                StopAtNonFinite(learner.optimizer, self.commentary.trainable_variables),
                HypergradientMonitor(),
                *([] if checkpoint is None else [checkpoint]),
                *self._judges(before),
            ]
            history = keras.Model.fit(
                learner,
                data,
                steps_per_epoch=self.steps_per_epoch,
                epochs=self.epochs,
                initial_epoch=self.epochs if self._settling.settled else done,
                callbacks=internal + list(callbacks or []),
                shuffle=False,
                verbose=2 if self.verbose == 2 else 0,
            )
        if self._repeats is not None:
            self._repeats.run(self._again, self.validation, learner.repeats)
        if checkpoint is not None:
            history.history = checkpoint.history
            history.epoch = list(range(int(checkpoint.epochs_done)))
        return history

    def _data(self, start):
        """Data of the outer steps from one on."""
        inner_steps, students = self.learner.inner_steps, self.learner.students_per_step
        again = self._batches.read_again(students * inner_steps, start)
        if again and self.verbose:
            print(
                f"Resuming after {start} outer steps: the data set is read again up to "
                f"there, {again:,} training examples.",
                flush=True,
            )
        return outer_batches(self._batches, self._checked, inner_steps, students, start)

    def _checkpoint(self, directory):
        learner = self.learner
        return LearnerCheckpoint(
            directory,
            {
                "commentary": self.commentary.variables,
                "optimizer": learner.optimizer.variables,
                "student": tf.nest.flatten(learner.initialization.variables),
                "settling": self._settling.variables,
            },
            data={"training": self.train, "validation": self.validation},
            strategy=learner.distribute_strategy,
        )

    def _make_settling(self):
        # A student that is continued has hardly begun after a few outer steps, nor have
        # commentaries beside weights of groups.
        others = [p for p in self.commentary.parts() if "groups" not in p.needs]
        never = self.learner.initialization.continues or others
        patience = None if never else self.learner.settled_after
        return StopWhenSettled(self.commentary, patience)

    def _judges(self, before):
        """Callbacks that say how learning goes, and end it."""
        neutral, guess = self._prepared
        neutral = neutral and not self.learner.repeats  # These say it better.
        settling = []
        if self._settling.begun:
            settling = [self._settling]
            neutral = False
            if self._settling.patience:
                # The start was better than guessing, and learning stays near it.
                guess = None
        new = not self.learner.initialization.continues
        monitor = ReliabilityMonitor(
            self.commentary, guess, LEARNER_MEND, neutral, new, before
        )
        lines = [EpochLines(self.commentary)] if self.verbose in (1, "auto") else []
        return [*settling, monitor, *lines]

    def _start(self):
        """Whether the checked examples say where the commentary starts."""
        learner = self.learner
        alone = learner.distribute_strategy.cluster_resolver is None
        if not (learner.start_from_checked and self.commentary.can_start and alone):
            return False
        checked, guess = self._checked.one_by_one(), self._prepared.guess

        def has_learned(weights):
            loss = learner.outer_step.loss(weights, next(iter(checked)))
            # As for the loss of guessing.
            loss *= tf.distribute.get_strategy().num_replicas_in_sync
            return guess is None or loss < guess - MARGIN * abs(guess)

        return start_from_checked(
            self.commentary,
            learner.student,
            learner.initialization.another("checked"),
            self.train,
            checked.rebatch(self._sizes[0]),
            max(learner.inner_steps, LEAST_STEPS),
            learner.validation_mode == "training",
            has_learned,
        )

    def _again(self, checked):
        """Learns once more, from other checked examples."""
        return self.learner.fit(
            self.train,
            validation_data=checked,
            batch_size=self._sizes[0],
            validation_batch_size=self._sizes[1],
            steps_per_epoch=self.steps_per_epoch,
            epochs=self.epochs,
            verbose=self.verbose,
        )


def completed(schedule, commentary):
    """`(steps_per_epoch, epochs)` of `fit`, with what the commentary suggests."""
    steps_per_epoch, epochs = schedule
    if steps_per_epoch or epochs:
        return steps_per_epoch or 10, epochs or 1
    steps = commentary.suggested["outer_steps"]
    return (10, steps // 10) if steps > 10 else (1, steps)
