"""Learning a commentary while a user's own model trains."""

import keras
import tensorflow as tf

from tfcommentaries.hypergradients import ImplicitTraining, InnerProblem
from tfcommentaries.hypergradients.implicit_training import ImplicitLayer
from tfcommentaries.learning.data_checks import check_data
from tfcommentaries.learning.outer_batches import endless
from tfcommentaries.students import FunctionalStudent
from tfcommentaries.teaching import CommentaryCallback


class LearnCommentaryCallback(CommentaryCallback):
    """Teaches a model in `model.fit` and learns the commentary at the same time.

    The alternation of Algorithm 2 of the paper: after every `every`-th training
    step, the model's weights count as a minimum of the training loss, and the
    implicit gradient of its validation loss changes the commentary. One pass
    serves both, whatever the model's size; what is learned fits this one training
    better than it transfers.

    Adds `outer_loss` and `hypergradient_norm` to the logs of `fit`.

    Example:

    >>> weighting = ExampleWeighting(num_classes=10)
    >>> learn = LearnCommentaryCallback(weighting, (x_val, y_val), every=2)
    >>> model.fit(x, y, epochs=20, callbacks=[learn])

    Args:
        commentary: the `Commentary` to learn, in place.
        validation_data: clean data, as for `CommentaryLearner.fit`; one batch is
            used per outer step. Not the `validation_data` of `fit`, which should
            be other data.
        inner_training: an `ImplicitTraining`. Defaults to one Neumann product.
        optimizer: the commentary's; a Keras optimizer or its name.
        every: training steps per outer step.
        warmup: training steps before the first outer step.
        loss: outer loss. `None` takes the model's own, without regularisation.
        validation_batch_size: as for `CommentaryLearner.fit`.
        seed: for shuffling arrays.
        **kwargs: arguments of `CommentaryCallback`.
    """

    def __init__(
        self,
        commentary,
        validation_data,
        inner_training=None,
        optimizer="adam",
        every=1,
        warmup=0,
        loss=None,
        validation_batch_size=None,
        seed=0,
        **kwargs,
    ):
        super().__init__(commentary, **kwargs)
        if every < 1 or warmup < 0:
            raise ValueError(
                "`every` must be at least 1 and `warmup` at least 0. "
                f"Received: every={every}, warmup={warmup}"
            )
        self.inner_training = inner_training or ImplicitTraining()
        if not isinstance(self.inner_training, ImplicitTraining):
            raise TypeError(
                "Learning inside `fit` needs an ImplicitTraining; an unrolled training "
                "is learned with CommentaryLearner. Received: "
                f"{type(inner_training).__name__}"
            )
        self.optimizer = keras.optimizers.get(optimizer)
        self.every = every
        self.warmup = warmup
        self.loss = None if loss is None else keras.losses.get(loss)
        check_data(validation_data, commentary, "validation")
        self._validation, self._batch = endless(
            validation_data, validation_batch_size, seed, "validation"
        )
        self._outer_loss = keras.metrics.Mean("outer_loss")
        self._norm = keras.metrics.Mean("hypergradient_norm")

    def set_model(self, model):
        if model.jit_compile:
            raise ValueError(
                "LearnCommentaryCallback reads validation batches inside the training "
                "step, which XLA cannot. Compile the model with `jit_compile=False`."
            )
        if model.distribute_strategy.num_replicas_in_sync > 1:
            raise ValueError(
                "LearnCommentaryCallback learns on one replica, but the model is "
                f"spread over {model.distribute_strategy.num_replicas_in_sync}. Learn "
                "with CommentaryLearner, which spreads students over replicas."
            )
        if self.loss is None and not isinstance(model.loss, list | tuple | dict):
            self.loss = keras.losses.get(model.loss)
        if self.loss is None:
            raise ValueError(
                "A model with several losses needs an outer one: pass `loss=`, a "
                "function of its labels and outputs."
            )
        super().set_model(model)
        self._iterator = iter(self._validation)
        x, y, _ = keras.utils.unpack_x_y_sample_weight(self._batch)
        if self.commentary.uses_student_loss:
            self.commentary(tf.zeros([1]))
        else:
            self.commentary.teach(x, y, None, 0.0)
        student = FunctionalStudent(model)
        student.build(
            self.commentary.student_inputs(x), self.commentary.student_labels(y)
        )
        # The inner optimizer takes no step here; any will do.
        problem = InnerProblem(self.commentary, student, "sgd")
        self._layer = ImplicitLayer(problem, self.inner_training)
        self.optimizer.build(self.commentary.trainable_variables)

    def on_epoch_begin(self, epoch, logs=None):
        super().on_epoch_begin(epoch, logs)
        self._outer_loss.reset_state()
        self._norm.reset_state()

    def after_step(self, x, y, sample_weight, progress):
        """See `CommentaryCallback`."""
        batch = (x, y) if sample_weight is None else (x, y, sample_weight)

        def learn():
            self._learn(batch, progress)
            return True

        step = self._step
        due = (step >= self.warmup) & ((step - self.warmup) % self.every == 0)
        tf.cond(due, learn, lambda: True)
        return {
            "outer_loss": self._outer_loss.result(),
            "hypergradient_norm": self._norm.result(),
        }

    def _learn(self, batch, progress):
        variables = self.commentary.trainable_variables
        student = self._layer.problem.student
        phi = [tf.convert_to_tensor(v) for v in variables]
        stacked = tf.nest.map_structure(lambda t: t[None], batch)
        progress = tf.reshape(0.0 if progress is None else progress, [1])
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(next(self._iterator))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(phi)
            annotations = self._layer.problem.annotate(phi, stacked, progress)
            weights = self._layer.solution(
                student.weights, batch, [a[0] for a in annotations]
            )
            outputs, _ = student.predict(weights, self.commentary.student_inputs(x))
            y = self.commentary.student_labels(y)
            loss = tf.reduce_mean(self.loss(y, outputs, sample_weight=sample_weight))
            loss += self._layer.problem.penalty(annotations)
        hypergradient = tape.gradient(
            loss, phi, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        norm = tf.debugging.check_numerics(
            tf.linalg.global_norm(hypergradient),
            "The hypergradient is not finite. Use another solver, more damping or a "
            "smaller scale.",
        )
        with tf.control_dependencies([norm]):
            hypergradient = [tf.identity(g) for g in hypergradient]
        self.optimizer.apply(hypergradient, variables)
        self._outer_loss.update_state(loss)
        self._norm.update_state(norm)
