"""Teaching inside a user's own `model.fit`."""

import contextlib
import weakref

import keras
import tensorflow as tf

from tfcommentaries.commentaries.weights import batches_shared_by_replicas
from tfcommentaries.saving import load_commentary
from tfcommentaries.students.losses import check_takes_weights, example_losses
from tfcommentaries.teaching.progress import progress_schedule
from tfcommentaries.upstream.plain_errors import plain_errors

#: Models whose loss is changed: how often, and their original function, if any.
_changed = weakref.WeakKeyDictionary()


class CommentaryCallback(keras.callbacks.Callback):
    """Teaches a compiled Keras model with a commentary while it is fitted.

    Each training batch passes through `commentary.teach` before the model's own
    `train_step`. Loss, metrics, optimizer and a user's own `train_step` stay as
    they are, and after `fit` the model is as it was. Sample weights that the
    user gives are multiplied. Evaluation and `validation_data` are not taught.

    Example:

    >>> model.compile("adam", loss="sparse_categorical_crossentropy")
    >>> model.fit(x, y, epochs=5, callbacks=[CommentaryCallback("path/to/it")])

    Args:
        commentary: a `Commentary`, or the path of an exported one.
        progress: as for `progress_schedule`: `"stretch"`, `"clip"` or a function.
        total_steps: batches of the whole training. `None` takes what `fit` knows;
            needed if a data set does not know its length.
        learned_steps: as for `progress_schedule`; `None` takes what the exported
            commentary says.
    """

    #: Whether training steps take gradients of gradients.
    _differentiates = False

    def __init__(
        self, commentary, progress="stretch", total_steps=None, learned_steps=None
    ):
        super().__init__()
        self.commentary, self.learned_steps = load_commentary(commentary, learned_steps)
        self.progress = progress
        self.total_steps = total_steps
        self._step = None
        self._total = None
        self._armed = False
        self._taught = None
        self._trained = 0

    def set_model(self, model):
        # `fit` calls this just before it asks for the train function, which it
        # would otherwise keep from an earlier `fit`. The shadow also notices the
        # next `fit` without this callback, if this one was interrupted.
        self.restore()
        super().set_model(model)
        with model.distribute_strategy.scope():
            self._step = _counter()
            self._total = _counter()
            self._taught = _counter()
        self._trained = 0
        self._armed = True
        model.make_train_function = self._make_train_function

    def _make_train_function(self, force=False):
        model = self.model
        if not self._armed:
            self.restore()
            return model.make_train_function(force=force)
        self._armed = False
        original = model.train_step
        schedule = None
        if self.commentary.uses_progress:
            schedule = progress_schedule(self.progress, self._total, self.learned_steps)

        def train_step(data):
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
            progress = None if schedule is None else schedule(self._step)
            if self.commentary.uses_student_loss:
                with self._weighing():
                    logs = original(data)
            else:
                with batches_shared_by_replicas():
                    taught = self.commentary.teach(x, y, sample_weight, progress)
                with _used(taught[2], sample_weight, model):
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
    def _weighing(self):
        """Context in which the model's own loss determines the sample weights."""
        model = self.model
        original = model.compute_loss

        def compute_loss(x=None, y=None, y_pred=None, sample_weight=None, **options):
            losses = tf.stop_gradient(example_losses(model, y, y_pred))
            weights = self.commentary(losses)
            with batches_shared_by_replicas():
                _, _, sample_weight = self.commentary.apply(
                    weights, x, y, sample_weight
                )
            return original(x, y, y_pred, sample_weight, **options)

        with _with_loss(model, compute_loss):
            yield

    def after_step(self, x, y, sample_weight, progress):
        """Called in the graph after each training step, with the untaught batch.

        Returns:
            More logs, a dict of scalar tensors.
        """
        return {}

    def on_train_begin(self, logs=None):
        if self._armed:
            self.restore()
            raise ValueError(
                "Another callback has taken the place of this CommentaryCallback: only "
                "one can teach a model. Give one a `Composition` of the commentaries."
            )
        total = self.total_steps
        if total is None and self.params.get("steps") is not None:
            total = self.params["epochs"] * self.params["steps"]
        if total is None:
            if self.commentary.uses_progress and self.progress == "stretch":
                self.restore()
                raise ValueError(
                    "progress='stretch' needs to know how many batches the whole "
                    "training has, and this data set does not know its length. "
                    "Pass `total_steps=` to CommentaryCallback or `steps_per_epoch=` "
                    "to fit."
                )
            return
        self._total.assign(total)

    def on_epoch_begin(self, epoch, logs=None):
        # So that progress is right if training resumes at a later epoch.
        if self.params.get("steps") is not None:
            self._step.assign(epoch * self.params["steps"])

    def on_train_batch_end(self, batch, logs=None):
        self._last_batch = batch

    def on_epoch_end(self, epoch, logs=None):
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

    def on_train_end(self, logs=None):
        self.restore()

    def restore(self):
        """Restores the model. Only needed by hand after an interruption."""
        model = self.model
        if model is not None and "make_train_function" in vars(model):
            del model.make_train_function
            model.train_function = None
        self._armed = False


@contextlib.contextmanager
def _with_loss(model, compute_loss):
    """Context in which the model computes its loss with another function.

    Replicas are inside at the same time, in separate threads: the first changes the
    model for all, and the last restores it.
    """
    inside, own = _changed.get(model, (0, vars(model).get("compute_loss")))
    if not inside:
        model.compute_loss = compute_loss
    _changed[model] = inside + 1, own
    try:
        yield
    finally:
        inside, own = _changed.pop(model)
        if inside > 1:
            _changed[model] = inside - 1, own
        elif own is None:
            del model.compute_loss
        else:
            model.compute_loss = own


@contextlib.contextmanager
def _used(weights, given, model):
    """Raises if what is traced inside cannot use the weights, or does not."""
    if weights is None or weights is given or tf.executing_eagerly():
        yield  # Eager tensors do not know who uses them.
        return
    before = _uses(weights)
    original = model.compute_loss

    def compute_loss(x=None, y=None, y_pred=None, *args, **options):
        check_takes_weights(model, y, y_pred, weights)
        return original(x, y, y_pred, *args, **options)

    with _with_loss(model, compute_loss):
        yield
    if _uses(weights) == before:
        raise ValueError(
            f"The `train_step` of the model {model.name!r} does not use sample "
            "weights, so a commentary that weights examples would teach nothing. Pass "
            "them on: `self.compute_loss(..., sample_weight=sample_weight)`."
        )


def _uses(weights):
    """How many operations take the weights."""
    return sum(len(tensor.consumers()) for tensor in tf.nest.flatten(weights))


def _counter():
    return tf.Variable(
        0,
        dtype=tf.int64,
        trainable=False,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )
