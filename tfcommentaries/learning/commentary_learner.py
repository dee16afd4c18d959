"""Learns a commentary."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfcommentaries.commentaries.commentary import Commentary, check_is_commentary
from tfcommentaries.commentaries.group_table import GroupTable
from tfcommentaries.hypergradients import ImplicitTraining, UnrolledTraining
from tfcommentaries.learning.annotation_summary import (
    ANNOTATION_SUMMARY,
    summarize_batch,
)
from tfcommentaries.learning.one_fit import OneFit
from tfcommentaries.learning.outer_loop import OuterLoop
from tfcommentaries.learning.outer_optimizer import default_optimizer
from tfcommentaries.learning.outer_step import OuterStep, check_options
from tfcommentaries.learning.output_masks import masked, with_masks
from tfcommentaries.learning.python_batches import training_and_validation
from tfcommentaries.learning.repeats import check_number
from tfcommentaries.learning.several_students import (
    check_students,
    mean_over_students,
    students_here,
)
from tfcommentaries.learning.student_initialization import StudentInitialization
from tfcommentaries.learning.tried import Tried
from tfcommentaries.students import FunctionalStudent
from tfcommentaries.students.losses import check_trains_as_keras, has_own_loss
from tfcommentaries.typing import (
    CompileOptions,
    Data,
    LayerOptions,
    Optimizer,
    Path,
    Tensors,
    Unpack,
)


class CommentaryLearner(OuterLoop):
    """Learns a commentary by bilevel optimisation. `fit` runs outer steps.

    One outer step trains a student, a copy of the given model, for `inner_steps`
    steps with the commentary, measures the trained student's loss on a validation
    batch without it, and takes one optimizer step on the commentary. The student
    trains with the optimizer and the loss that it was compiled with, or a
    `compute_loss` of its own. If trained students are no better than guessing, `fit`
    warns and sets `commentary.doubt`.

    Example:

    >>> student.compile("adam", loss="sparse_categorical_crossentropy")
    >>> learner = CommentaryLearner(ExampleWeighting(num_classes=10), student)
    >>> learner.compile(optimizer=keras.optimizers.Adam(1e-3), metrics=["accuracy"])
    >>> learner.fit((x, y), validation_data=(x_val, y_val), steps_per_epoch=10,
    ...             epochs=10)
    >>> learner.commentary.teach(x, y, None, 0.5)

    Logs the outer `loss`, the compiled metrics of the trained students,
    `hypergradient_norm` (before any clipping), and `annotation_mean`, `annotation_min`
    and `annotation_max` of the last inner batch (or of losses from 0 to 10).

    Args:
        commentary: the `Commentary` to learn, in place.
        student: a compiled `keras.Model`, or a function that makes one. Learning
            does not change it.
        inner_training: the estimator of the hypergradient. Defaults to
            `UnrolledTraining()`.
        inner_steps: student steps per outer step, `T`.
        student_initialization: `"fresh"` draws new initial weights for every outer
            step, `"fixed"` always uses the student's own, an integer is the size of a
            pool of initial weights to take in turn. A commentary for other students
            needs `"fresh"` or a pool. Frozen layers and adapted normalisation keep
            their values. `"continue"` trains one student through all outer steps, and
            progress goes from 0 to 1 over the whole `fit`: with `ImplicitTraining` and
            few inner steps Algorithm 2 of the paper, with `UnrolledTraining` its online
            form.
        students_per_step: students per outer step, each with batches of its own; the
            commentary's gradient is their mean. They train one after another in the
            memory of one, or spread over the replicas of a `tf.distribute` strategy.
        outer_loss_at: `"end"`, or `"every_step"`: the outer loss is then the mean after
            all steps, which rewards fast learning and costs a validation batch each.
        validation_taught: whether the commentary is also applied to the validation
            batch, at progress 1, for models that are used with it, such as with masks.
            The outer loss then also depends on the commentary directly.
        validation_mode: `"training"` or `"inference"`, how the trained student runs on
            the validation batch. In training mode, batch normalisation uses that
            batch's statistics, since moving averages have not settled after a short
            training. A student with dropout may need `"inference"`.
        seed: integer; determines initial weights and the order of arrays.
        kept_layers: layers of the student, or their names, whose weights every fresh
            student starts with, such as a pretrained backbone that is trained further.
        start_from_checked: whether equal weights of groups start from how often labels
            agree with a student trained on the checked examples alone, for
            `inner_steps`, at least 100; see `GroupWeighting.start`. Not with several
            workers, and not if each example has several labels.
        settled_after: with such a start, `fit` ends when the trusted groups have stayed
            the same for so many outer steps; see `StopWhenSettled`. `None` makes all.
        repeats: how often `fit` learns again, with other students and with checked
            examples drawn from those given, with replacement. Weights of groups become
            the mean, with intervals in `GroupWeighting.table`. Five are enough.
        **kwargs: other arguments of `keras.Model`.

    Reference:
        [Raghu et al., Teaching with Commentaries, algorithm 1](
            https://arxiv.org/abs/2011.03037)
    """

    def __init__(
        self,
        commentary: Commentary,
        student: keras.Model | Callable[[], keras.Model],
        inner_training: UnrolledTraining | ImplicitTraining | None = None,
        inner_steps: int = 100,
        student_initialization: str | int = "fresh",
        students_per_step: int = 1,
        outer_loss_at: str = "end",
        validation_taught: bool = False,
        validation_mode: str = "training",
        seed: int = 0,
        kept_layers: Sequence[keras.layers.Layer | str] = (),
        start_from_checked: bool = True,
        settled_after: int | None = 3,
        repeats: int = 0,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        check_is_commentary(commentary, "CommentaryLearner(weighting, model)")
        if not hasattr(inner_training, "bind") and inner_training is not None:
            raise TypeError(
                "`inner_training` must be an UnrolledTraining or an ImplicitTraining. "
                f"Received: {inner_training!r:.80}"
            )
        if inner_steps < 1:
            raise ValueError(
                f"`inner_steps` must be at least 1. Received: inner_steps={inner_steps}"
            )
        check_options(commentary, outer_loss_at, validation_mode, validation_taught)
        check_number(repeats, commentary)
        check_students(students_per_step, student_initialization)
        self.commentary = commentary
        self.student = FunctionalStudent(student, kept_layers)
        check_trains_as_keras(self.student.model)
        self.inner_training = inner_training or UnrolledTraining()
        self.inner_steps = inner_steps
        self.students_per_step = students_per_step
        self.outer_loss_at = outer_loss_at
        self.validation_taught = validation_taught
        self.validation_mode = validation_mode
        self.seed = seed
        self.start_from_checked = start_from_checked
        self.settled_after = settled_after
        self.repeats = repeats
        self.initialization = StudentInitialization(
            self.student, student_initialization, seed
        )
        self.tried = Tried()
        self.outer_step: OuterStep | None = None
        self.output_dtypes = None
        self._logged = {name: keras.metrics.Mean(name) for name in ANNOTATION_SUMMARY}

    def compile(
        self,
        optimizer: Optimizer = None,
        loss: Any = None,
        metrics: Any = None,
        **kwargs: Unpack[CompileOptions],
    ) -> None:
        """Configures the outer loop. `fit` calls it with the defaults if you have not.

        Args:
            optimizer: the commentary's optimizer. `None` is Adam with the rate that
                suits each commentary. Clip hypergradients with its `clipnorm` or
                `global_clipnorm`.
            loss: outer loss. `None` takes the student's own loss, with its
                `loss_weights` unless others are given, or its own `compute_loss`.
            metrics: Keras metrics of the trained students on validation batches.
            **kwargs: other arguments of `keras.Model.compile`. With `jit_compile`
                XLA compiles outer steps: `"auto"`, the default, does so where it
                compiles the student's own `fit`, on a GPU.
        """
        if kwargs.get("steps_per_execution", 1) != 1:
            raise ValueError(
                "Between two outer steps a new student is drawn, so "
                "`steps_per_execution` must be 1. Received: "
                f"{kwargs['steps_per_execution']!r}"
            )
        if getattr(self.inner_training, "devices", ()):
            kwargs.setdefault("jit_compile", False)  # XLA compiles for one device.
        if optimizer is None:
            optimizer = default_optimizer(self.commentary)
        self.asks_student = loss is None and has_own_loss(self.student.model)
        if loss is None and not self.asks_student:
            loss = self.student.model.loss
            compiled = getattr(self.student.model, "_compile_loss", None)
            weights = getattr(compiled, "_user_loss_weights", None)
            kwargs.setdefault("loss_weights", weights)
        super().compile(optimizer=optimizer, loss=loss, metrics=metrics, **kwargs)

    def table(self) -> GroupTable | None:
        """The learned weight of each group; see `GroupWeighting.table`."""
        return self.commentary.table()

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Prints the parts and settings of the learner; `print_fn` takes each line."""
        print_fn(repr(self))
        print_fn(f"  commentary: {self.commentary!r}")
        print_fn(f"  student: {self.student.model.name!r}, {self.initialization.mode}")
        print_fn(f"  inner training: {self.inner_training!r}")

    def __repr__(self):
        done = int(tf.convert_to_tensor(self.optimizer.iterations)) if self.built else 0
        return (
            f"<CommentaryLearner: {type(self.commentary).__name__}, "
            f"{self.inner_steps} inner steps, {done} outer steps made>"
        )

    def call(
        self, x: Tensors, y: Tensors = None, progress: Tensors = None
    ) -> tf.Tensor:
        """The commentary's annotation; see `Commentary.call`."""
        return self.commentary(x, y=y, progress=progress)

    def fit(
        self,
        x: Tensors,
        y: Tensors = None,
        *,
        validation_data: Data = None,
        sample_weight: Tensors = None,
        batch_size: int | None = None,
        validation_batch_size: int | None = None,
        steps_per_epoch: int | None = None,
        epochs: int | None = None,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        checkpoint_dir: Path | None = None,
        verbose: int | str = "auto",
    ) -> keras.callbacks.History:
        """Learns the commentary.

        Args:
            x: training inputs, as arrays, which are not copied and may be
                memory-mapped. Or the whole training data: a batched `tf.data.Dataset`,
                `PyDataset` or generator of `(x, y)` or `(x, y, sample_weight)`, or such
                a tuple of arrays.
            y: labels; or, if x is the whole training data, `validation_data`.
            validation_data: the checked examples, as one argument, which give the outer
                loss. They decide what the commentary teaches, so they must be clean and
                balanced. Each outer step uses one batch.
            sample_weight: weights of the training examples, beside x and y.
            batch_size: examples per inner batch. `None` keeps a data set's own
                batch size, and is 32 for arrays.
            validation_batch_size: examples per outer batch. `None` keeps a data
                set's own batch size, and for arrays takes all, at most 512.
            steps_per_epoch: outer steps per epoch, after which Keras callbacks
                run and a checkpoint is written; 10 by default.
            epochs: number of epochs. Without both, `fit` makes the steps that suit the
                kind of commentary: 100; for groups at most 10, each an epoch, since
                learning may stop after any.
            callbacks: list of Keras callbacks.
            checkpoint_dir: where to keep a checkpoint. If it holds one, learning
                resumes from there. Data whose order is fixed (arrays, or data sets
                shuffled with a seed) give the same result as without the
                interruption. Other arrays than before are refused; a data set is not
                compared, and is read again up to where learning stopped. Several
                workers share one folder, which the chief writes.
            verbose: 0 prints nothing; 1 or `"auto"` one line per epoch, with the outer
                loss, the metrics and the number of trusted groups; 2 all logs.

        Returns:
            A `keras.callbacks.History`; with a checkpoint, it includes the epochs
            before an interruption.

        Raises:
            ValueError: if the data do not fit, before learning starts.
            NonFiniteHypergradientError: if a hypergradient is not finite.
        """
        if not self.compiled:
            with self.distribute_strategy.scope():
                self.compile()
        fit = OneFit(
            self,
            training_and_validation(x, y, sample_weight, validation_data),
            (batch_size, validation_batch_size),
            (steps_per_epoch, epochs),
            verbose,
        )
        return fit.run(callbacks, checkpoint_dir)

    def reseed(self, seed: int) -> None:
        """Changes the seed of students and of the order of arrays."""
        self.seed = seed
        self.initialization.reseed(seed)

    def train_step(self, data: Data) -> dict[str, tf.Tensor]:
        variables = self.commentary.trainable_variables
        losses, hypergradient, outputs = mean_over_students(
            self._one_student,
            data,
            self.students_per_step,
            (keras.config.floatx(), [v.dtype for v in variables], self.output_dtypes),
        )
        # Before the step: with the weights that the students had.
        last = tf.nest.map_structure(lambda t: t[0, -1], data[0])
        summary = summarize_batch(self.commentary, last, self._place()[1][-1])
        for name, value in summary.items():
            self._logged[name].update_state(value)
        self._observe(data[0])
        self.finish_step(losses, hypergradient, variables)
        logs = self._measure(data[1], outputs)
        if tf.distribute.get_strategy().cluster_resolver is not None:
            # Among workers Keras takes means over a first axis, which scalars lack.
            logs = {name: tf.reshape(value, [1]) for name, value in logs.items()}
        return logs

    def _one_student(self, data):
        first, progress = self._place()
        loss, hypergradient, outputs, state = self.outer_step(
            self.initialization.state, *data, progress, first
        )
        self.initialization.go_on_from(state)
        return loss, hypergradient, with_masks(outputs)

    def _place(self):
        return self.initialization.place(self.optimizer.iterations, self.inner_steps)

    def _measure(self, validation_batches, outputs):
        """Updates the compiled metrics; examples of all students on one axis."""
        count = students_here(self.students_per_step)

        def join(tensor):
            return tf.concat([tensor[i] for i in range(count)], 0)

        outputs, validation_batch = tf.nest.map_structure(
            join, (outputs, validation_batches)
        )
        x, y, sample_weight = self.commentary.untaught(validation_batch)
        return self.compute_metrics(x, y, masked(*outputs), sample_weight)

    def _observe(self, batches):
        """Hands all examples of students `(S, T, batch, ...)` to the commentary."""
        x, y, _ = keras.utils.unpack_x_y_sample_weight(batches)
        x, y = tf.nest.map_structure(
            lambda t: tf.reshape(t, tf.concat([[-1], tf.shape(t)[3:]], 0)), (x, y)
        )
        self.commentary.observe(x, y)
