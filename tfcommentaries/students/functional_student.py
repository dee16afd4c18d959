"""A Keras model as a pure function of its weights."""

import contextlib
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from tfcommentaries.students.losses import example_losses, has_own_loss
from tfcommentaries.students.model_like import built, check_is_keras, fresh_values
from tfcommentaries.students.repeating import refused_draws
from tfcommentaries.students.unchanging import Unchanging
from tfcommentaries.typing import Tensors
from tfcommentaries.upstream.cudnn import without_cudnn
from tfcommentaries.upstream.exact_derivatives import exact_derivatives


class StudentWeights(NamedTuple):
    """All state of a student, as tensors.

    Attributes:
        trainable: one tensor per entry of `model.trainable_variables`.
        non_trainable: likewise for `model.non_trainable_variables`: statistics of
            batch normalisation, states of random-number seeds.
    """

    trainable: list
    non_trainable: list


class FunctionalStudent:
    """Runs a compiled Keras model with weights that come in as tensors.

    The model's own variables do not change, so a student can be trained and
    differentiated inside one `tf.function`. Batch-normalisation statistics and dropout
    seeds are part of the weights, so the same step with the same weights gives the same
    result. Random numbers must come from the model's own `keras.random.SeedGenerator`s,
    as in Keras's layers.

    Example:

    >>> student = FunctionalStudent(model)
    >>> weights = student.weights
    >>> loss, non_trainable = student.loss(weights, x, y, sample_weight)

    Args:
        model: a compiled `keras.Model`, functional, Sequential or subclassed; or
            a function without arguments that makes one, which lets `draw` make
            students whose class cannot be rebuilt from its config.
        kept_layers: layers, or names of layers, that keep their weights in `draw`.

    Raises:
        ValueError: if the model is not compiled, or has no such layer.
    """

    def __init__(
        self,
        model: keras.Model | Callable[[], keras.Model],
        kept_layers: Sequence[keras.layers.Layer | str] = (),
    ) -> None:
        self._make_model = None
        if callable(model) and (
            isinstance(model, type) or not hasattr(model, "weights")
        ):
            self._make_model = model
            model = self._make_model()
        check_is_keras(model)
        if not getattr(model, "compiled", False) or (
            model.loss is None and not has_own_loss(model)
        ):
            raise ValueError(
                f"The student {model.name!r} has no loss or optimizer: they define "
                "how it trains. Call `student.compile(optimizer=..., loss=...)` "
                "first."
            )
        self.model = model
        self._inputs = None
        #: The state that stays as it is.
        self.unchanging = Unchanging(self)
        self.kept_layers = [
            model.get_layer(layer) if isinstance(layer, str) else layer
            for layer in kept_layers
        ]

    def build(self, x: Tensors, y: Tensors) -> Tensors:
        """Creates the variables that the model makes on its first batch.

        Args:
            x: a batch of inputs.
            y: its labels.

        Returns:
            The model's outputs for the batch.
        """
        self._inputs = tf.nest.map_structure(lambda t: t[:1], x)
        try:
            outputs = self.model(x, training=False)
            loss = self.model._compute_loss(x, y, outputs, None, training=False)
        except Exception as error:
            raise ValueError(
                f"The student {self.model.name!r} does not take this data: inputs "
                f"of shape {_shapes(x)}, labels of shape {_shapes(y)}. It must map "
                "such inputs to what its loss takes with such labels. "
                f"The error was: {str(error).strip()[:200]}"
            ) from error
        if not self.model.trainable_variables:
            raise ValueError(
                f"The student {self.model.name!r} has no trainable weights: all of its "
                "layers are frozen, so a commentary would change nothing. Set "
                "`trainable = True` on those that should learn, and compile it again."
            )
        if loss.shape.rank != 0:
            raise ValueError(
                f"The loss of the student {self.model.name!r} has shape "
                f"{tuple(loss.shape)}, expected one number. Compile it with a "
                "reduction."
            )
        return outputs

    @property
    def weights(self) -> StudentWeights:
        """The model's current weights, as `StudentWeights`."""
        return self._read(self.model)

    @staticmethod
    def _read(model):
        return StudentWeights(
            [tf.convert_to_tensor(v) for v in model.trainable_variables],
            [tf.convert_to_tensor(v) for v in model.non_trainable_variables],
        )

    def assign(self, weights: StudentWeights) -> None:
        """Writes `weights` into the model's own variables."""
        for variable, value in self._pairs(weights):
            variable.assign(value)

    def _pairs(self, weights):
        """Each of the model's variables with its value in `StudentWeights`."""
        model = self.model
        return zip(
            model.trainable_variables + model.non_trainable_variables,
            [*weights.trainable, *weights.non_trainable],
            strict=True,
        )

    def draw(self, seed: int | str) -> StudentWeights:
        """Draws the weights of a new student of the same architecture.

        State that training never changes keeps the model's values: frozen layers with
        their moving statistics, frozen weights of other layers (LoRA), an adapted
        `Normalization`. So do `kept_layers`. State that training updates, such as
        moving statistics and seeds, starts as in a new model. If a function makes the
        student, all of it is new.

        Args:
            seed: an integer or a text; the same seed gives the same weights.

        Returns:
            Fresh `StudentWeights`. The model keeps its own.

        Raises:
            ValueError: if the model cannot be made again from its config.
        """
        kept = set()
        if not self._make_model:
            of_layers = (v for layer in self.kept_layers for v in layer.weights)
            kept = self.unchanging.variables(self._inputs) | set(map(id, of_layers))
        # Keras draws the seeds of unseeded initializers from Python's generator.
        state = random.getstate()
        random.seed(seed)
        try:
            if self._make_model:
                return self._read(built(self._make_model(), self._inputs))
            drawn = [v for v in self.model.variables if id(v) not in kept]
            new = fresh_values(self.model, drawn, self._inputs)
        finally:
            random.setstate(state)
        new = [
            [new.get(id(v), v) for v in variables]
            for variables in (
                self.model.trainable_variables,
                self.model.non_trainable_variables,
            )
        ]
        return tf.nest.map_structure(tf.convert_to_tensor, StudentWeights(*new))

    def predict(
        self, weights: StudentWeights, x: Tensors, training: bool = False
    ) -> tuple[Tensors, list[tf.Tensor]]:
        """Runs the student.

        Args:
            weights: `StudentWeights`.
            x: inputs `(batch, ...)`, or a structure of such.
            training: whether batch normalisation and dropout run as in training.

        Returns:
            `(outputs, non_trainable)`: the outputs and the updated state.
        """
        with self._scope(weights) as scope:
            outputs = self.model(x, training=training)
        return outputs, self._updated(scope)

    def loss(
        self,
        weights: StudentWeights,
        x: Tensors,
        y: Tensors,
        sample_weight: Tensors = None,
        training: bool = True,
        weigh: Callable[[Tensors, Tensors], Tensors] | None = None,
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The student's own compiled loss, regularisation included.

        Args:
            weights: `StudentWeights`.
            x: inputs `(batch, ...)`, or a structure of such.
            y: labels as the compiled loss takes them.
            sample_weight: `(batch,)` weights or `None`.
            training: as for `predict`.
            weigh: function `(losses, sample_weight)` to the weights to use instead,
                if they depend on each example's loss, `(batch,)`.

        Returns:
            `(loss, non_trainable)`: a scalar and the updated state.
        """
        with refused_draws(self.model):
            loss, _, non_trainable = self._run(
                weights, x, y, sample_weight, training, weigh
            )
        # Keras divides by the number of replicas, for a batch that they share. Here
        # each replica trains its own student.
        loss *= tf.distribute.get_strategy().num_replicas_in_sync
        return loss, non_trainable

    def measure(
        self,
        weights: StudentWeights,
        x: Tensors,
        y: Tensors,
        sample_weight: Tensors = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, Tensors]:
        """The student's own loss as Keras computes it, and its outputs.

        Arguments are those of `loss`.

        Returns:
            `(loss, outputs)`; the loss is divided by the number of replicas.
        """
        return self._run(weights, x, y, sample_weight, training)[:2]

    def _run(self, weights, x, y, sample_weight, training, weigh=None):
        with self._scope(weights) as scope:
            outputs = self.model(x, training=training)
            if weigh is not None:
                losses = example_losses(self.model, y, outputs, sample_weight)
                sample_weight = weigh(losses, sample_weight)
            # As Keras does: one of the user's own may not take `training`.
            loss = self.model._compute_loss(
                x, y, outputs, sample_weight, training=training
            )
        return loss, outputs, self._updated(scope)

    @property
    def loss_scale(self) -> float:
        """What to multiply losses by before their gradients are taken.

        1, but 1024 if a layer computes in float16, where gradients would underflow.
        """
        half = any(layer.compute_dtype == "float16" for layer in self.model.layers)
        return 1024.0 if half else 1.0

    @property
    def is_constrained(self) -> bool:
        """Whether any variable has a constraint."""
        return any(v.constraint is not None for v in self.model.trainable_variables)

    def constrain(self, trainable: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Applies the variables' constraints, as Keras does after a step."""
        return [
            value if variable.constraint is None else variable.constraint(value)
            for variable, value in zip(self.model.trainable_variables, trainable)
        ]

    @contextlib.contextmanager
    def _scope(self, weights):
        model = self.model
        mapping = list(self._pairs(weights))
        scope = keras.StatelessScope(state_mapping=mapping, collect_losses=True)
        before = [scope.get_current_value(v) for v in model.trainable_variables]
        with exact_derivatives(), without_cudnn(model), scope:
            yield scope
        for variable, value in zip(model.trainable_variables, before):
            if scope.get_current_value(variable) is not value:
                raise ValueError(
                    f"A layer of the student {model.name!r} changes the weight "
                    f"{variable.path!r} while it runs, as `SpectralNormalization` "
                    "does, apart from what the optimizer does. Such a student cannot "
                    "be differentiated: use another layer."
                )

    def _updated(self, scope):
        return [
            tf.convert_to_tensor(scope.get_current_value(v))
            for v in self.model.non_trainable_variables
        ]


def _shapes(structure):
    return tf.nest.map_structure(lambda t: tuple(t.shape), structure)
