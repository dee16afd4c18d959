"""The base class of all commentaries."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.commentaries.batch_spec import check_spec, spec_of
from tfcommentaries.commentaries.kind import Kind
from tfcommentaries.typing import Batch, Config, NameOptions, Self, Tensors, Unpack

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        "tfcommentaries needs Keras on TensorFlow, but here it runs on "
        f"{keras.backend.backend()}. Set the environment variable "
        "KERAS_BACKEND=tensorflow before Keras is imported."
    )


@keras.saving.register_keras_serializable(package="tfcommentaries")
class Commentary(Kind, keras.layers.Layer):
    """Learned guidance for training a network; the base class of all kinds.

    A commentary is a Keras layer with two methods. Calling it gives the *annotation* of
    a batch, which can be stored, served and drawn. `teach` applies the annotation to a
    training batch: it maps a Keras batch to a Keras batch, for `model.fit`, tf.data or
    TFX.

    A new kind of commentary is a subclass with `call`, `apply` and `get_config`, and
    the attributes of `Kind`.

    A commentary computes in float32 unless `dtype` is given, also under a
    mixed-precision global policy, and runs its teacher in inference mode, so learning,
    teaching and serving compute the same function.

    Args:
        dtype: dtype or policy of the commentary. Defaults to `"float32"`.
        **kwargs: other arguments of `keras.layers.Layer`.

    Reference:
        [Raghu et al., Teaching with Commentaries, ICLR 2021](
            https://arxiv.org/abs/2011.03037)
    """

    def __init__(self, dtype: Any = "float32", **kwargs: Unpack[NameOptions]) -> None:
        super().__init__(dtype=dtype, **kwargs)
        #: Specs of the inputs and labels of the first call, with a free batch axis:
        #: `(x, y)`, or `None` before the first call.
        self.batch_spec: tuple[Any, Any] | None = None
        #: A sentence that says why the annotations are unreliable, or `None`.
        self.doubt: str | None = None

    def __call__(
        self,
        x: Tensors,
        y: Tensors = None,
        progress: Tensors = None,
        training: bool | None = None,
    ) -> tf.Tensor:
        """Annotates a batch; see `call`, which subclasses implement.

        Models pass `training` to their layers; a commentary ignores it.
        """
        if progress is not None and not isinstance(progress, keras.KerasTensor):
            progress = tf.cast(progress, tf.float32)
        x = self.own_inputs(self.prepare(x))
        if self.batch_spec is not None:
            check_spec(self.batch_spec[0], x, self.name)
        annotation = super().__call__(x, y=y, progress=progress)
        dtype = keras.backend.standardize_dtype(annotation.dtype)
        if keras.backend.is_float_dtype(dtype) and dtype != self.compute_dtype:
            # A user's own teacher may follow the global policy.
            annotation = keras.ops.cast(annotation, self.compute_dtype)
        if self.batch_spec is None:
            self.batch_spec = (spec_of(x), None if y is None else spec_of(y))
        return annotation

    def call(
        self, x: Tensors, y: Tensors = None, progress: Tensors = None
    ) -> tf.Tensor:
        """Annotates a batch, each example on its own.

        An example's annotation may depend only on that example and on progress, not
        on the rest of the batch: batches are split and joined freely.

        Args:
            x: inputs, a tensor `(batch, ...)` or a dict of such tensors.
            y: labels, or `None` if `uses_labels` is false.
            progress: training progress, 0 to 1; a scalar or `(batch,)`. `None` if
                `uses_progress` is false.

        Returns:
            The annotation, a tensor `(batch, ...)`.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `call`.")

    def apply(
        self, annotation: Tensors, x: Tensors, y: Tensors, sample_weight: Tensors = None
    ) -> tuple[Tensors, Tensors, Tensors]:
        """Applies an annotation to its batch.

        Args:
            annotation: the result of `call`.
            x: inputs, as for `call`.
            y: labels in any form that the student's loss takes.
            sample_weight: the user's own weights `(batch,)`, or `None`.

        Returns:
            `(x, y, sample_weight)`, the batch on which a student trains.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `apply`.")

    def teach(
        self,
        x: Tensors,
        y: Tensors,
        sample_weight: Tensors = None,
        progress: Tensors = None,
    ) -> tuple[Tensors, Tensors, Tensors]:
        """Annotates a training batch and applies the annotation to it.

        Args:
            x: inputs, as for `call`.
            y: labels in any form that the student's loss takes.
            sample_weight: the user's own weights `(batch,)`, or `None`.
            progress: training progress, 0 to 1; a scalar.

        Returns:
            `(x, y, sample_weight)`, the batch on which a student trains.
        """
        annotation = self(
            x,
            y=y if self.uses_labels else None,
            progress=progress if self.uses_progress else None,
        )
        return self.apply(annotation, x, y, sample_weight)

    def prepare(self, x: Tensors) -> Tensors:
        """Prepares inputs for a training step.

        Learners and `teach` call this method in the input pipeline. Names, which have
        no kernels on a GPU, become integers. Inputs that are already prepared stay
        unchanged. The base class returns x.

        Args:
            x: inputs, as for `call`.

        Returns:
            Inputs that a training step can take.
        """
        return x

    def own_inputs(self, x: Tensors) -> Tensors:
        """The part of prepared inputs that `call` reads: `reads`, or all of them.

        Args:
            x: inputs, as `prepare` gives them.

        Returns:
            A tensor or a dict of tensors.

        Raises:
            ValueError: if x lacks an entry.
        """
        if not self.reads:
            return x
        lacking = [n for n in self.reads if not isinstance(x, dict) or n not in x]
        if lacking:
            came = sorted(x) if isinstance(x, dict) else "inputs alone"
            raise ValueError(
                f"{type(self).__name__} needs inputs as a dict with the entry "
                f"{', '.join(map(repr, lacking))}, which it reads. Received: {came}"
            )
        return {name: x[name] for name in self.reads}

    def student_inputs(self, x: Tensors) -> Tensors:
        """The part of x that an untaught student gets.

        The base class returns x. A commentary with further inputs, such as an id,
        leaves these out.

        Args:
            x: inputs, as for `call`.

        Returns:
            The inputs of an untaught student.
        """
        return x

    def observe(self, x: Tensors, y: Tensors) -> None:
        """Records the examples that learning has used; called in the graph.

        The base class does nothing.

        Args:
            x: prepared inputs of any number of examples.
            y: their labels.
        """

    def check_learned(self) -> None:
        """Warns about weights that learning did not reach; called at the end.

        The base class does nothing.
        """

    def combine(self, learnings: Sequence[Sequence[tf.Tensor]]) -> None:
        """Combines the results of several learnings with other students and examples.

        The base class keeps the first result.

        Args:
            learnings: list of the values of `trainable_variables` after each. An empty
                list, passed before learning, forgets earlier results.
        """

    def penalty(self, annotation: Tensors) -> Tensors:
        """The penalty of an annotation, which is added to the outer loss.

        The base class adds nothing.

        Args:
            annotation: of any number of examples.

        Returns:
            A scalar.
        """
        return 0.0

    def check_batch_size(self, number: int) -> None:
        """Raises a `ValueError` if batches are too small for weights to have an effect.

        Args:
            number: how many weights a batch has.
        """
        if self.divides_by_batch_mean and number == 1:
            raise ValueError(
                f"Batches of one example teach nothing with a {type(self).__name__} "
                "that divides weights by their mean over the batch: every weight is 1. "
                "Use larger batches, such as 32, or `normalize=None`."
            )

    def check_batch(self, x: Tensors, y: Tensors) -> None:
        """Raises a `ValueError` if a concrete batch does not fit.

        Called with eager data before any long work starts. The base class
        accepts everything.

        Args:
            x: inputs as NumPy arrays or eager tensors.
            y: labels likewise, or `None`.
        """

    def untaught(self, batch: Batch) -> tuple[Tensors, Tensors, Tensors]:
        """The batch that a student gets without this commentary.

        The base class leaves labels as they are. A commentary whose `apply` gives
        labels in another form (soft ones) gives the same form here.

        Args:
            batch: `(x, y)` or `(x, y, sample_weight)`.

        Returns:
            `(x, y, sample_weight)`.
        """
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        return self.student_inputs(x), y, sample_weight

    def take_over(self, values: Sequence[tf.Tensor], config: Config) -> Config:
        """Takes the weights of another commentary of this class, to continue learning.

        Args:
            values: its trainable weights, in order.
            config: its `get_teaching_config`.

        Returns:
            A readable dict of the differences between both; empty in the base class.

        Raises:
            ValueError: if the weights do not fit.
        """
        variables = self.trainable_variables
        shapes = [[tuple(v.shape) for v in part] for part in (variables, values)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"It has weights of shapes {shapes[1]}, but {self.name!r} has "
                f"{shapes[0]}. Make it with the same arguments and teacher."
            )
        for variable, value in zip(variables, values):
            variable.assign(value)
        return {}

    def get_teaching_config(self) -> Config:
        """The config of a commentary that can `apply`, without its teacher.

        It is stored beside an exported annotation function, so that loading needs none
        of the user's code. Subclasses leave out arguments that only `call` needs.
        """
        return self.get_config()

    @classmethod
    def from_teaching_config(cls, config: Config) -> Self:
        """Makes a commentary that can `apply` from `get_teaching_config`.

        Args:
            config: dict of numbers, texts, lists and dicts. It may come from an
                untrusted file and must not name code to run.
        """
        return cls(**config)

    def _check_number(self, name, number):
        """Raises if something that is counted is no integer of 2 or more."""
        if not isinstance(number, int | np.integer) or number < 2:
            raise ValueError(
                f"`{name}` of {type(self).__name__} must be an integer of at least 2. "
                f"Received: {name}={number!r:.80}"
            )


def check_is_commentary(commentary, use):
    """Raises a `TypeError` if this is no `Commentary`.

    Args:
        commentary: what was given for one.
        use: how it should be given, for the error.
    """
    if not isinstance(commentary, Commentary):
        raise TypeError(
            f"Expected a tfcommentaries.Commentary, as in `{use}`. Received: "
            f"{type(commentary).__name__} {commentary!r:.80}"
        )
