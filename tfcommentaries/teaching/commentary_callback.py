"""Teaching inside a user's own `model.fit`."""

import contextlib
import warnings
from collections.abc import Callable
from typing import TypedDict

import keras
import tensorflow as tf

from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.commentaries.weights import batches_shared_by_replicas
from tfcommentaries.saving import load_commentary
from tfcommentaries.students.losses import example_losses
from tfcommentaries.students.model_like import check_is_keras
from tfcommentaries.teaching.progress import progress_schedule
from tfcommentaries.teaching.student_view import StudentView
from tfcommentaries.teaching.weight_use import checked_step, no_effect, with_loss
from tfcommentaries.typing import Logs, Path, Tensors
from tfcommentaries.upstream.plain_errors import plain_errors


class TeachingOptions(TypedDict, total=False):
    """Arguments of `CommentaryCallback` besides the commentary."""

    progress: str | Callable[[tf.Tensor], tf.Tensor]
    total_steps: int | None
    learned_steps: int | None


class CommentaryCallback(keras.callbacks.Callback):
    """Trains a compiled Keras model with a commentary.

    Each training batch passes through `commentary.teach` before the model's own
    `train_step`. Loss, metrics, optimizer and a `train_step` of your own stay
    unchanged, and `fit` leaves the model as it was. Your sample weights are multiplied
    by the commentary's. The commentary does not teach `validation_data`; groups or ids
    in it are hidden from the model. After `fit`, call the model on
    `commentary.student_inputs(x)`, or pass this callback to `evaluate` and `predict`.

    A second `fit` with the same callback and model continues: progress starts again
    only after `reset_state`. For a loop of `fit(epochs=1)`, pass `total_steps`.

    Example:

    >>> model.compile("adam", loss="sparse_categorical_crossentropy")
    >>> model.fit(x, y, epochs=5, callbacks=[CommentaryCallback("path/to/it")])

    Args:
        commentary: a `Commentary`, or the path of an exported one.
        progress: as for `progress_schedule`: `"stretch"`, `"clip"` or a function.
        total_steps: number of batches of the whole training. `None` takes it from
            `fit`; required if a data set does not know its length.
        learned_steps: as for `progress_schedule`; `None` takes the number in the
            exported commentary.
    """

    #: Whether training steps take gradients of gradients.
    _differentiates = False
    #: Whether the commentary is learned on the way, and may have no effect at first.
    _learns = False

    def __init__(
        self,
        commentary: Commentary | Path,
        progress: str | Callable[[tf.Tensor], tf.Tensor] = "stretch",
        total_steps: int | None = None,
        learned_steps: int | None = None,
    ) -> None:
        super().__init__()
        self.commentary, self.learned_steps = load_commentary(commentary, learned_steps)
        self.progress = progress
        self.total_steps = total_steps
        self._armed = False
        self._trained = 0
        self._view: StudentView | None = None
        self._fits = False
        self.reset_state()

    def reset_state(self) -> None:
        """Forgets earlier training: the next `fit` starts at progress 0."""
        self._step: tf.Variable | None = None
        self._total: tf.Variable | None = None
        self._finished = True
        self._warned = False

    def set_model(self, model: keras.Model) -> None:
        # `fit` calls this just before it asks for the train function, which it
        # would otherwise keep from an earlier `fit`. The shadow also notices the
        # next `fit` without this callback, if this one was interrupted.
        check_is_keras(model)
        self.restore()
        if model is not self.model:
            self.reset_state()
        super().set_model(model)
        with model.distribute_strategy.scope():
            if self._step is None:
                self._step, self._total = _counter(), _counter()
            self._taught, self._without_effect = _counter(), _counter()
        self._count_from_zero()
        self._armed = True
        model.make_train_function = self._make_train_function
        self._view = StudentView(model, self.commentary)

    def _count_from_zero(self):
        self._taught.assign(0)
        self._without_effect.assign(0)
        self._trained = 0
        #: Steps before the first epoch of this `fit`, in which earlier ones trained.
        self._offset = None

    def _make_train_function(self, force=False):
        model = self.model
        if not self._armed:
            self.restore()
            return model.make_train_function(force=force)
        self._armed = False
        original = model.train_step
        checked = False
        schedule = None
        if self.commentary.uses_progress:
            schedule = progress_schedule(self.progress, self._total, self.learned_steps)

        def train_step(data):
            nonlocal checked
            # A graph is checked whenever it is made, eager steps once.
            check = not (checked and tf.executing_eagerly())
            checked = True
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
            progress = None if schedule is None else schedule(self._step)
            if self.commentary.uses_student_loss:
                with self._weighing(check):
                    logs = original(data)
            else:
                with batches_shared_by_replicas():
                    taught = self.commentary.teach(x, y, sample_weight, progress)
                self._without_effect.assign_add(no_effect(taught[2], sample_weight))
                if check and taught[2] is not sample_weight:
                    logs = checked_step(original, model, *taught)
                else:
                    logs = original(taught)
            logs = {**logs, **self.after_step(x, y, sample_weight, progress)}
            self._step.assign_add(1)
            self._taught.assign_add(1)
            return logs

        own = vars(model).get("train_step")
        model.train_step = train_step
        try:
            type(model).make_train_function(model, force=True)
        finally:
            if own is None:
                del model.train_step
            else:
                model.train_step = own
        trains = model.train_function

        def train_function(iterator):
            with plain_errors(model, self._differentiates):
                return trains(iterator)

        model.train_function = train_function
        return train_function

    @contextlib.contextmanager
    def _weighing(self, check):
        """Context in which the model's own loss determines the sample weights."""
        model = self.model
        original = model.compute_loss
        self._called = False

        def compute_loss(x=None, y=None, y_pred=None, sample_weight=None, **options):
            self._called = True  # Also by other replicas, which share this function.
            losses = example_losses(model, y, y_pred, sample_weight)
            losses = tf.stop_gradient(losses)
            weights = self.commentary(losses)
            with batches_shared_by_replicas():
                _, _, sample_weight = self.commentary.apply(
                    weights, x, y, sample_weight
                )
            return original(x, y, y_pred, sample_weight, **options)

        with with_loss(model, compute_loss):
            yield
        if check and not self._called:
            raise ValueError(
                f"The `train_step` of the model {model.name!r} does not call "
                f"`compute_loss`, by which {type(self.commentary).__name__} weights "
                "examples. Compute the loss with `self.compute_loss(...)`."
            )

    def after_step(
        self, x: Tensors, y: Tensors, sample_weight: Tensors, progress: Tensors
    ) -> dict[str, tf.Tensor]:
        """Called in the graph after each training step, with the untaught batch.

        Returns:
            More logs, a dict of scalar tensors.
        """
        return {}

    def on_train_begin(self, logs: Logs = None) -> None:
        if self._armed:
            self.restore()
            raise ValueError(
                "Another callback has taken the place of this CommentaryCallback: only "
                "one can teach a model. Give one a `Composition` of the commentaries."
            )
        self._fits = True
        if self.total_steps is not None:
            self._total.assign(self.total_steps)
        elif self.params.get("steps") is None and self._needs_total:
            self.restore()
            raise ValueError(
                "progress='stretch' needs to know how many batches the whole "
                "training has, and this data set does not know its length. "
                "Pass `total_steps=` to CommentaryCallback or `steps_per_epoch=` "
                "to fit."
            )

    @property
    def _needs_total(self):
        return self.commentary.uses_progress and self.progress == "stretch"

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        steps = self.params.get("steps")
        if self._offset is None:
            self._begin(epoch, steps)
        if steps is not None:
            # So that progress is right if training resumes at a later epoch.
            self._step.assign(self._offset + epoch * steps)

    def _begin(self, epoch, steps):
        """Finds out at which step this `fit` starts."""
        finished, self._finished = self._finished, False
        if steps is None:
            self._offset = 0
            return
        done = int(tf.convert_to_tensor(self._step))
        # One that was interrupted, and resumes at an epoch, trains a part again.
        resumes = epoch > 0 and not finished
        self._offset = 0 if resumes else max(0, done - epoch * steps)
        if self.total_steps is None and not self._offset:
            self._total.assign(self.params["epochs"] * steps)
        elif self.total_steps is None and self._needs_total:
            warnings.warn(
                f"`fit` continues after {done} steps with the same "
                f"{type(self).__name__}, whose progress is at its end and stays there. "
                "Pass `total_steps=`, the steps of all these `fit`s together, or call "
                "its `reset_state()` to start anew.",
                stacklevel=2,
            )

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._last_batch = batch

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.params.get("steps") is not None:
            self._trained += min(self._last_batch + 1, self.params["steps"])
        else:
            # The last execution may have had fewer steps than it could.
            self._trained += self._last_batch + 2 - self.model.steps_per_execution
        taught = int(tf.convert_to_tensor(self._taught))
        if taught < self._trained:
            self.restore()
            raise RuntimeError(
                f"{self._trained - taught} of {self._trained} training steps were not "
                "taught: something made another train function while `fit` ran, such "
                "as `compile` or `train_on_batch` in a callback. Do that outside of "
                "`fit`, or teach in the input pipeline with `tfcommentaries.teach`."
            )
        if not self._learns:
            self._check_effect()

    def on_train_end(self, logs: Logs = None) -> None:
        self._finished = True
        if self._learns:
            self._check_effect()
        self.restore()

    def _check_effect(self):
        """Warns, once, if all weights in all batches so far were 1."""
        taught, without = (
            int(tf.convert_to_tensor(v)) for v in (self._taught, self._without_effect)
        )
        if taught == without > 0 and not self._warned:
            self._warned = True
            warnings.warn(
                "The commentary has had no effect so far: in each batch all weights "
                "were 1, so training was as without it. Shuffle the data, use batches "
                "of more than one example, or learn the commentary first.",
                stacklevel=2,
            )

    def on_test_begin(self, logs: Logs = None) -> None:
        if not self._fits:
            self._armed = False  # A later `fit` is not taught.

    on_predict_begin = on_test_begin

    def on_test_end(self, logs: Logs = None) -> None:
        if not self._fits:
            self.restore()  # `evaluate`, outside of `fit`.

    on_predict_end = on_test_end

    def restore(self) -> None:
        """Restores the model. Only needed by hand after an interruption."""
        model = self.model
        if model is not None and "make_train_function" in vars(model):
            del model.make_train_function
            model.train_function = None
        if self._view is not None:
            self._view.restore()
        self._view = None
        self._armed = self._fits = False


def _counter():
    return tf.Variable(
        0,
        dtype=tf.int64,
        trainable=False,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )
