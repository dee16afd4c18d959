"""Learns initial weights from which a student learns with few examples."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.commentaries.commentary import Commentary, check_is_commentary
from tfcommentaries.hypergradients import InnerProblem
from tfcommentaries.hypergradients.outer_gradient import outer_gradient
from tfcommentaries.learning.hypergradient_update import (
    StopAtNonFinite,
)
from tfcommentaries.learning.outer_loop import OuterLoop
from tfcommentaries.learning.several_students import mean_over_students, students_here
from tfcommentaries.learning.tried import StudentState
from tfcommentaries.learning.waiting import Waiting, student_of
from tfcommentaries.learning.workers import spread_by_element
from tfcommentaries.students import FunctionalStudent
from tfcommentaries.students.losses import check_trains_as_keras
from tfcommentaries.students.repeating import check_repeats
from tfcommentaries.typing import (
    CompileOptions,
    Data,
    FitOptions,
    LayerOptions,
    Optimizer,
    Tensors,
    Unpack,
)


class FewShotLearner(OuterLoop):
    """Model-agnostic meta-learning, with a commentary in its inner loop.

    In each task a student starts from the learned initial weights, takes `inner_steps`
    gradient steps on the task's few *support* examples, with the commentary if there is
    one, and is measured on the task's *query* examples, without the commentary. `fit`
    differentiates that loss through the steps and learns the initial weights, the
    commentary and, if asked for, a step size for each weight.

    Batch normalisation takes its statistics from the current batch, in tests too, as
    in the published experiments: query examples of a task are classified together.

    Example:

    >>> model = students.few_shot_net((28, 28, 1), 5)
    >>> model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    >>> learner = FewShotLearner(model, ExampleWeighting(), inner_steps=5)
    >>> learner.compile(keras.optimizers.Adam(1e-3))
    >>> tasks = datasets.episodes(x, y, ways=5, shots=1)
    >>> learner.fit(tasks.batch(4), steps_per_epoch=100, epochs=10)
    >>> learner.evaluate_tasks(test_tasks, 600)    # {"accuracy": .., "interval": ..}
    >>> student = learner.adapt(x_few, y_few)      # a Keras model for one new task

    Args:
        student: a compiled `keras.Model`, whose optimizer is not used. Learning starts
            from its weights and changes them.
        commentary: a `Commentary` for the support examples, learned in place. `None`
            makes this MAML.
        inner_steps: gradient steps per task.
        inner_rate: step size of all weights, or its initial value.
        learn_rates: whether to learn one step size per weight (Meta-SGD).
        first_order: whether to leave out second derivatives. This is cheaper, and the
            commentary learns only from each step's direct effect.
        **kwargs: other arguments of `keras.Model`.

    Reference:
        [Raghu et al., Teaching with Commentaries, section 3.2](
            https://arxiv.org/abs/2011.03037);
        [Finn et al., Model-Agnostic Meta-Learning](https://arxiv.org/abs/1703.03400);
        [Li et al., Meta-SGD](https://arxiv.org/abs/1707.09835)
    """

    evaluated_by = "`evaluate_tasks`"
    predicted_by = "the model that `adapt` gives"

    def __init__(
        self,
        student: keras.Model,
        commentary: Commentary | None = None,
        inner_steps: int = 5,
        inner_rate: float = 0.1,
        learn_rates: bool = False,
        first_order: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if commentary is not None:
            check_is_commentary(commentary, "FewShotLearner(model, weighting)")
        if inner_steps < 1 or inner_rate <= 0:
            raise ValueError(
                "`inner_steps` must be at least 1 and `inner_rate` positive. "
                f"Received: inner_steps={inner_steps}, inner_rate={inner_rate}"
            )
        if commentary is not None and commentary.uses_student_loss:
            raise ValueError(
                "A FewShotLearner takes commentaries that see the data. Received: "
                f"{type(commentary).__name__}, which sees the student's losses"
            )
        self.student = FunctionalStudent(student)
        check_trains_as_keras(self.student.model)
        self.commentary = commentary
        self.inner_steps = inner_steps
        self.inner_rate = inner_rate
        self.learn_rates = learn_rates
        self.first_order = first_order
        self.rates: list[keras.Variable] = []
        self._problem = None
        self._tasks_per_step: int | None = None
        self._traced: StudentState | None = None
        self._output_dtype = None

    def compile(
        self,
        optimizer: Optimizer = "adam",
        metrics: Any = ("accuracy",),
        **kwargs: Unpack[CompileOptions],
    ) -> None:
        """Configures the outer loop.

        Args:
            optimizer: optimizer of the initial weights, rates and commentary.
            metrics: Keras metrics of the adapted students on query examples.
            **kwargs: other arguments of `keras.Model.compile`; `jit_compile` as for
                `CommentaryLearner.compile`.
        """
        loss = self.student.model.loss
        super().compile(optimizer=optimizer, loss=loss, metrics=list(metrics), **kwargs)

    @property
    def learned_variables(self) -> list[keras.Variable]:
        """Initial weights, then rates, then the commentary's weights."""
        commentary = self.commentary.trainable_variables if self.commentary else []
        return [*self.student.model.trainable_variables, *self.rates, *commentary]

    def fit(
        self, tasks: tf.data.Dataset, **kwargs: Unpack[FitOptions]
    ) -> keras.callbacks.History:
        """Learns from tasks.

        Args:
            tasks: `tf.data.Dataset` of tasks `((x, y), (x_query, y_query))` as
                `datasets.episodes` gives them, batched: one batch of tasks is one
                outer step.
            **kwargs: other arguments of `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: if the tasks do not fit the student.
            NonFiniteHypergradientError: if a gradient is not finite.
        """
        batch = next(iter(tasks.take(1)), None)
        if batch is None:
            raise ValueError("The data set of tasks is empty.")
        task = tf.nest.map_structure(lambda t: t[0], batch)
        waiting = Waiting(
            self, student_of(self.student.model), kwargs.get("verbose", "auto")
        )
        with waiting, self.distribute_strategy.scope():
            self._build(task)
        self._tasks_per_step = int(tf.nest.flatten(batch)[0].shape[0])
        learned = self.commentary.trainable_variables if self.commentary else []
        now = StudentState(self.student.model, learned, batch)
        if self._traced is None or not self._traced.same(now):
            self._traced, self.train_function = now, None
        guard = StopAtNonFinite(self.optimizer, self.learned_variables)
        callbacks = [waiting, guard, *(kwargs.pop("callbacks", None) or [])]
        with waiting, self.stepping():
            return super().fit(spread_by_element(tasks), callbacks=callbacks, **kwargs)

    def _build(self, task):
        (x, y), (x_query, y_query) = _task(task)
        inputs = self.commentary.student_inputs(x) if self.commentary else x
        _check_labels(self.student, inputs, y)
        if self.commentary is not None:
            self.commentary.check_batch(np.asarray(x), np.asarray(y))
            x, y, _ = self.commentary.teach(x, y, None, 0.0)
        outputs = self.student.build(x, y)
        check_repeats(self.student, x, y)
        self._output_dtype = outputs.dtype
        trained = len(self.student.model.trainable_variables)
        if self.rates and len(self.rates) != trained:
            raise ValueError(
                f"Rates were learned for {len(self.rates)} weights of the student "
                f"{self.student.model.name!r}, of which {trained} are trainable now. "
                "Make a new FewShotLearner after freezing layers."
            )
        if self._problem is None:
            self._problem = InnerProblem(self.commentary, self.student, "sgd")
            if self.learn_rates:
                self.rates = [
                    self.add_weight(
                        name="rate",
                        shape=v.shape,
                        initializer=keras.initializers.Constant(self.inner_rate),
                    )
                    for v in self.student.model.trainable_variables
                ]
        if self.compiled:
            outputs = self.student.model(x_query, training=False)
            self.compute_metrics(x_query, y_query, outputs)
            self.compute_loss(x_query, y_query, outputs)
            self.reset_metrics()
            self.optimizer.build(self.learned_variables)
        self.built = True

    def _adapted(self, weights, rates, phi, support):
        """`StudentWeights` after the steps on the support examples."""
        steps = self.inner_steps
        stack = tf.nest.map_structure(lambda t: tf.repeat(t[None], steps, 0), support)
        progress = tf.range(steps, dtype=tf.float32) / steps
        annotations = self._problem.annotate(phi, stack, progress)
        for step in range(steps):
            gradients, _ = self._problem.gradients(
                [a[step] for a in annotations], weights, support
            )
            if self.first_order:
                gradients = [tf.stop_gradient(g) for g in gradients]
            steps_of = rates or [self.inner_rate] * len(gradients)
            after = zip(weights.trainable, steps_of, gradients)
            weights = weights._replace(trainable=[w - r * g for w, r, g in after])
        return weights

    def _try_task(self, trainable, rates, phi, task):
        """Loss on query examples after adapting, and the outputs for them."""
        support, (x, y) = _task(task)
        weights = self.student.weights._replace(trainable=trainable)
        weights = self._adapted(weights, rates, phi, support)
        if self.commentary is not None:
            x, y, _ = self.commentary.untaught((x, y))
        outputs, _ = self.student.predict(weights, x, training=True)
        return self.compute_loss(x, y, outputs), outputs

    def _split(self, values):
        """`learned_variables` in their three groups."""
        ends = np.cumsum([len(self.student.model.trainable_variables), len(self.rates)])
        return values[: ends[0]], values[ends[0] : ends[1]], values[ends[1] :]

    def train_step(self, data: Data) -> dict[str, tf.Tensor]:
        variables = self.learned_variables

        def one_task(task):
            values = [tf.convert_to_tensor(v) for v in variables]
            return outer_gradient(
                lambda: self._try_task(*self._split(values), task),
                values,
                self.student.loss_scale,
            )

        dtypes = keras.config.floatx(), [v.dtype for v in variables]
        losses, gradient, outputs = mean_over_students(
            one_task,
            data,
            self._tasks_per_step,
            (*dtypes, self._output_dtype),
        )
        self.finish_step(losses, gradient, variables)
        labels = data[1][1]
        count = students_here(self._tasks_per_step)
        join = [tf.concat([t[i] for i in range(count)], 0) for t in (labels, outputs)]
        return self.compute_metrics(None, *join)

    def evaluate_tasks(
        self, tasks: tf.data.Dataset, count: int = 600
    ) -> dict[str, float]:
        """Adapts to unseen tasks and measures the accuracy.

        Args:
            tasks: as for `fit`, but not batched: one task after another.
            count: number of tasks.

        Returns:
            A dict: `accuracy`, the mean over tasks; `interval`, half the width of
            its 95 % confidence interval; `tasks`, their number.
        """
        self._build(next(iter(tasks.take(1))))

        @tf.function(autograph=False)
        def correct(task):
            values = [tf.convert_to_tensor(v) for v in self.learned_variables]
            _, outputs = self._try_task(*self._split(values), task)
            labels = tf.cast(tf.reshape(task[1][1], [-1]), tf.int64)
            right = tf.argmax(outputs, -1) == labels
            return tf.reduce_mean(tf.cast(right, tf.float32))

        found = np.array([float(correct(task)) for task in tasks.take(count)])
        if not len(found):
            raise ValueError("The data set of tasks is empty.")
        error = found.std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else 0.0
        return {
            "accuracy": float(found.mean()),
            "interval": float(1.96 * error),
            "tasks": len(found),
        }

    def adapt(self, x: Tensors, y: Tensors) -> keras.Model:
        """Makes a student for one new task.

        Args:
            x: support inputs `(examples, ...)`.
            y: their labels, as the student's loss takes them.

        Returns:
            A new compiled `keras.Model` with adapted weights. Its batch
            normalisation has only seen the support examples: call it with
            `training=True` on batches, as the learner does, or let it see more data.
        """
        support = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
        self._build((support, support))
        values = [tf.convert_to_tensor(v) for v in self.learned_variables]
        trainable, rates, phi = self._split(values)
        weights = self.student.weights._replace(trainable=trainable)
        weights = self._adapted(weights, rates, phi, support)
        model = keras.models.clone_model(self.student.model)
        model.compile(optimizer="sgd", loss=self.student.model.loss)
        FunctionalStudent(model).assign(weights)
        return model


def _task(task):
    """A task `((x, y), (x_query, y_query))`, or a `ValueError`."""
    try:
        (x, y), (x_query, y_query) = task
    except (TypeError, ValueError):
        raise ValueError(
            "A task must be ((x, y), (x_query, y_query)), as `datasets.episodes` gives "
            f"it. Received: {tf.nest.map_structure(lambda t: t.shape, task)}"
        ) from None
    return (x, y), (x_query, y_query)


def _check_labels(student, x, y):
    classes = student.model(x, training=False).shape[-1]
    largest = int(tf.reduce_max(tf.cast(y, tf.int64)))
    if y.shape.rank == 1 and largest >= classes:
        raise ValueError(
            f"The tasks have labels up to {largest}, but the student "
            f"{student.model.name!r} has {classes} outputs. Make it for "
            f"{largest + 1} classes."
        )
