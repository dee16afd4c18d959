"""Learning a commentary while a user's own model trains."""

import warnings
from typing import Any

import keras
import tensorflow as tf

from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.hypergradients import ImplicitTraining
from tfcommentaries.hypergradients.implicit_training import ImplicitLayer
from tfcommentaries.hypergradients.loss_weighted_problem import inner_problem
from tfcommentaries.hypergradients.outer_gradient import outer_gradient
from tfcommentaries.hypergradients.solvers import Solver
from tfcommentaries.learning.annotation_summary import ANNOTATION_SUMMARY, summarize
from tfcommentaries.learning.checked_start import LEAST_STEPS, start_from_checked
from tfcommentaries.learning.hypergradient_monitor import HypergradientMonitor
from tfcommentaries.learning.hypergradient_update import (
    StopAtNonFinite,
    apply_hypergradient,
)
from tfcommentaries.learning.learner_checkpoint import LearnerCheckpoint
from tfcommentaries.learning.outer_batches import VALIDATION, endless
from tfcommentaries.learning.outer_optimizer import default_optimizer
from tfcommentaries.learning.python_batches import as_dataset
from tfcommentaries.learning.reliability import ReliabilityMonitor, loss_of_guessing
from tfcommentaries.optimizers.any_keras_optimizer import mean_squares
from tfcommentaries.students import FunctionalStudent
from tfcommentaries.students.losses import as_loss, has_own_loss
from tfcommentaries.students.repeating import check_repeats
from tfcommentaries.teaching.commentary_callback import (
    CommentaryCallback,
    TeachingOptions,
)
from tfcommentaries.typing import Data, Logs, Optimizer, Path, Tensors, Unpack

_MEND = (
    "Let the model train longer before and while the commentary is learned (`warmup=`, "
    "more epochs), or with a larger learning rate."
)


class LearnCommentaryCallback(CommentaryCallback):
    """Learns a commentary while `model.fit` trains a model with it.

    After every `every`-th training step, the model's weights are treated as a minimum
    of the training loss, and the implicit gradient of its validation loss changes the
    commentary (Algorithm 2 of the paper). The commentary fits this one training better
    than it transfers to others. `docs/in_fit.md` says when this callback is safe.

    Each hypergradient looks one step ahead, on one batch. This was enough for one
    weight per source of digits and MNIST, but not of texts or CIFAR-10, where
    `CommentaryLearner` does better. It was enough for one weight per example
    (`teachers.Table`), but a network that sees images and labels learned nothing, and
    training on the clean data alone did better than such a table.

    Adds `outer_loss`, `hypergradient_norm`, `annotation_mean`, `annotation_min` and
    `annotation_max` to the logs of `fit`, and warns as `CommentaryLearner` does.

    Example:

    >>> weighting = GroupWeighting(source)
    >>> learn = LearnCommentaryCallback(weighting, (x_checked, y_checked))
    >>> model.fit(weighting.add_groups(x, source), y, epochs=8, callbacks=[learn])
    >>> print(weighting.table())

    Args:
        commentary: the `Commentary` to learn, in place.
        validation_data: clean data, as for `CommentaryLearner.fit`; one batch is
            used per outer step, or per `steps_per_execution` of the model. Not the
            `validation_data` of `fit`, which should be other data.
        inner_training: an `ImplicitTraining`. Defaults to the first-order method of
            SAMA (`docs/decisions.md` has why).
        optimizer: the commentary's; a Keras optimizer or its name. `None` is Adam with
            the rate that suits each commentary.
        every: training steps per outer step.
        warmup: training steps before the first outer step; `None` suits the kind.
        steps: outer steps, after which the commentary stays as it is; `None` suits the
            kind, for most kinds without a limit. Weights of groups would drift once the
            model fits the clean examples.
        loss: outer loss. `None` takes the model's own, without regularisation, or its
            own `compute_loss`.
        validation_batch_size: as for `CommentaryLearner.fit`.
        seed: for shuffling arrays, and for the student of `start`.
        start: training data `(x, y)`, as for `fit`, from whose agreement with a student
            of the clean data weights of groups start; see `GroupWeighting.start`.
        checkpoint_dir: where to keep the state of learning after each epoch. A `fit`
            that resumes at a later epoch, as with Keras's `BackupAndRestore`, needs it.
        **kwargs: arguments of `CommentaryCallback`.
    """

    _differentiates = True
    _learns = True

    def __init__(
        self,
        commentary: Commentary,
        validation_data: Data,
        inner_training: ImplicitTraining | None = None,
        optimizer: Optimizer = None,
        every: int = 1,
        warmup: int | None = None,
        steps: int | None = None,
        loss: Any = None,
        validation_batch_size: int | None = None,
        seed: int = 0,
        start: Data = None,
        checkpoint_dir: Path | None = None,
        **kwargs: Unpack[TeachingOptions],
    ) -> None:
        self._iterator = None
        self._solver: Solver | None = None
        super().__init__(commentary, **kwargs)
        suggested = commentary.suggested
        warmup = suggested["warmup"] if warmup is None else warmup
        steps = suggested["steps"] if steps is None else steps
        if every < 1 or warmup < 0 or (steps is not None and steps < 1):
            raise ValueError(
                "`every` and `steps` must be at least 1 and `warmup` at least 0. "
                f"Received: every={every}, steps={steps}, warmup={warmup}"
            )
        if inner_training is None:
            inner_training = ImplicitTraining(
                solver="identity", products="finite_difference", preconditioned=True
            )
        if not isinstance(inner_training, ImplicitTraining):
            raise TypeError(
                "Learning inside `fit` needs an ImplicitTraining; an unrolled training "
                "is learned with CommentaryLearner. Received: "
                f"{type(inner_training).__name__}"
            )
        self.inner_training = inner_training
        optimizer = optimizer or default_optimizer(commentary)
        self.optimizer = keras.optimizers.get(optimizer)
        self.every = every
        self.warmup = warmup
        self.steps = steps
        #: The step from which on nothing is learned.
        self._last = None if steps is None else warmup + steps * every
        self.loss = None if loss is None else as_loss(loss)
        self.seed = seed
        self.start = None if start is None else as_dataset(start, "training")
        self.checkpoint_dir = checkpoint_dir
        self._checkpoint: LearnerCheckpoint | None = None
        self._validation_data = as_dataset(validation_data, "validation")
        self._validation, self._batch = endless(
            self._validation_data,
            commentary,
            "validation",
            validation_batch_size,
            seed,
            VALIDATION,
        )
        names = ["outer_loss", "hypergradient_norm"]
        names += [] if commentary.uses_student_loss else ANNOTATION_SUMMARY
        self._logged = {name: keras.metrics.Mean(name) for name in names}
        self._monitor = HypergradientMonitor()

    def set_model(self, model: keras.Model) -> None:
        if model.distribute_strategy.num_replicas_in_sync > 1:
            raise ValueError(
                "LearnCommentaryCallback learns on one replica, but the model is "
                f"spread over {model.distribute_strategy.num_replicas_in_sync}. Learn "
                "with CommentaryLearner, which spreads students over replicas."
            )
        #: The outer loss with this model; `None` is its own `compute_loss`.
        self._outer_loss = self.loss
        if self.loss is None and not has_own_loss(model):
            if isinstance(model.loss, list | tuple | dict):
                raise ValueError(
                    "A model with several losses needs an outer one: pass `loss=`, a "
                    "function of its labels and outputs."
                )
            self._outer_loss = as_loss(model.loss)
        super().set_model(model)
        if self._iterator is None:
            self._iterator = iter(self._validation.one_by_one())
            self._read = tf.Variable(0, dtype=tf.int64, trainable=False)
        # Batches are read outside of the training step, where XLA cannot.
        self._next = tf.nest.map_structure(
            lambda t: tf.Variable(t, trainable=False), self._batch
        )
        x, y, _ = keras.utils.unpack_x_y_sample_weight(self._batch)
        if self.commentary.uses_student_loss:
            self.commentary(tf.zeros([1]))
        elif not self.commentary.variables:
            self.commentary.teach(x, y, None, 0.0)
        student = FunctionalStudent(model)
        x, y, _ = self.commentary.untaught(self._batch)
        outputs = student.build(x, y)
        check_repeats(student, x, y)
        if self.start is not None and self.commentary.can_start:
            start_from_checked(
                self.commentary,
                student,
                student.draw(f"checked-{self.seed}"),
                self.start,
                self._validation.one_by_one().rebatch(32),
                LEAST_STEPS,
                training=True,
            )
        self.commentary.combine([])
        guess = self._loss_of_guessing(y, outputs)
        self._reliability = ReliabilityMonitor(self.commentary, guess, _MEND)
        # The inner optimizer takes no steps here; any will do.
        problem = inner_problem(self.commentary, student, "sgd")
        if self._solver is None:
            self._solver = self.inner_training.begin_solver(student.weights.trainable)
        self._layer = ImplicitLayer(problem, self.inner_training, self._solver)
        kept = getattr(self._solver, "variables", [])
        self.optimizer.build(self.commentary.trainable_variables)
        self._guard = StopAtNonFinite(
            self.optimizer,
            [*self.commentary.trainable_variables, *kept],
            "Use another solver, more damping or a smaller scale.",
        )
        if self.checkpoint_dir is not None:
            state = {
                "commentary": self.commentary.variables,
                "optimizer": self.optimizer.variables,
                "validation_batches": [self._read],
                "solver": kept,
            }
            # Keras may have saved the epoch before.
            self._checkpoint = LearnerCheckpoint(
                self.checkpoint_dir, state, 2, {"validation": self._validation_data}
            )

    def _loss_of_guessing(self, y, outputs):
        if self._outer_loss is None:
            return None
        return loss_of_guessing(
            lambda one: tf.reduce_mean(self._outer_loss(y, one)), y, outputs
        )

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        super().on_train_batch_begin(batch, logs)
        # With `steps_per_execution` these are several steps.
        first = self._before_epoch + batch
        steps = range(first, first + self.model.steps_per_execution)
        self._learning = any(self._due(step) for step in steps)
        if not self._learning:
            return
        self._guard.on_train_batch_begin(batch, logs)
        tf.nest.map_structure(
            lambda v, t: v.assign(t), self._next, next(self._iterator)
        )
        self._read.assign_add(1)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        super().on_train_batch_end(batch, logs)
        if self._learning:
            self._guard.on_train_batch_end(batch, logs)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        super().on_epoch_begin(epoch, logs)
        self._before_epoch = int(self._step)
        if self.steps is not None and int(self._step) >= self._last:
            return  # The logs keep saying how learning ended.
        for metric in self._logged.values():
            metric.reset_state()

    def _begin(self, epoch, steps):
        """Restores the commentary as it was before an epoch at which `fit` resumes."""
        super()._begin(epoch, steps)
        if epoch > 0 and self._checkpoint is not None:
            self._checkpoint.restore(epoch)
            self._iterator = iter(self._validation.one_by_one(int(self._read)))
        elif epoch > 0 and int(tf.convert_to_tensor(self.optimizer.iterations)) == 0:
            warnings.warn(
                f"Training resumes at epoch {epoch}, but the commentary is as it was "
                "given. Pass `checkpoint_dir` to its callback to restore it too.",
                stacklevel=2,
            )

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        super().on_epoch_end(epoch, logs)
        if self._checkpoint is not None:
            self._checkpoint.on_epoch_end(epoch)
        if self._logged["outer_loss"].count == 0:
            return  # Nothing has been learned in an epoch of warmup.
        self._reliability.add(logs["outer_loss"])
        if "annotation_mean" in self._logged:
            self._monitor.on_epoch_end(epoch, logs)

    def on_train_end(self, logs: Logs = None) -> None:
        super().on_train_end(logs)
        self._reliability.on_train_end(logs)

    def reset_state(self) -> None:
        super().reset_state()
        self._iterator = self._solver = None

    def after_step(
        self, x: Tensors, y: Tensors, sample_weight: Tensors, progress: Tensors
    ) -> dict[str, tf.Tensor]:
        """See `CommentaryCallback`."""
        batch = (x, y) if sample_weight is None else (x, y, sample_weight)

        def learn():
            self._learn(batch, progress)
            self.commentary.observe(x, y)
            return True

        tf.cond(self._due(self._step), learn, lambda: True)
        return {name: metric.result() for name, metric in self._logged.items()}

    def _due(self, step):
        """Whether something is learned after a step, a number or a tensor."""
        due = (step >= self.warmup) & ((step - self.warmup) % self.every == 0)
        return due if self.steps is None else due & (step < self._last)

    def _learn(self, batch, progress):
        variables = self.commentary.trainable_variables
        student = self._layer.problem.student
        phi = [tf.convert_to_tensor(v) for v in variables]
        stacked = tf.nest.map_structure(lambda t: t[None], batch)
        progress = tf.reshape(0.0 if progress is None else progress, [1])
        x, y, sample_weight = self.commentary.untaught(
            tf.nest.map_structure(tf.convert_to_tensor, self._next)
        )

        def measure():
            annotations = self._layer.problem.annotate(phi, stacked, progress)
            weights = self._layer.solution(
                student.weights,
                batch,
                [a[0] for a in annotations],
                mean_squares(self.model.optimizer),
            )
            if self._outer_loss is None:
                loss, _ = student.measure(weights, x, y, sample_weight)
            else:
                outputs, _ = student.predict(weights, x)
                weight = sample_weight
                if self.commentary.main_output is not None:
                    weight = weight[self.commentary.main_output]
                loss = self._outer_loss(y, outputs, sample_weight=weight)
                loss = tf.reduce_mean(loss)
            return loss + self._layer.problem.penalty(annotations), annotations

        loss, hypergradient, annotations = outer_gradient(
            measure, phi, student.loss_scale
        )
        norm = apply_hypergradient(self.optimizer, hypergradient, variables)
        found = {"outer_loss": loss, "hypergradient_norm": norm}
        if not self.commentary.uses_student_loss:
            found |= summarize(annotations[0])
        for name, value in found.items():
            self._logged[name].update_state(value)
