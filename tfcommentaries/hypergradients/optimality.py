"""What holds at the solution of an inner problem, and its derivatives.

An optimality says `F(solution, parameters) = 0`. Implicit differentiation needs
two products with its derivatives, which `linearize` gives as functions:

    transposed(u) = (dF/dsolution)^T u        mixed(u) = (dF/dparameters)^T u
"""

import contextlib
from collections.abc import Callable, Sequence
from typing import TypeAlias

import tensorflow as tf

from tfcommentaries.hypergradients.solvers import MatVec

#: Function `(solution, parameters)`, lists of tensors, to a list of tensors.
Condition: TypeAlias = Callable[[list[tf.Tensor], list[tf.Tensor]], Sequence[tf.Tensor]]
#: Likewise to a scalar.
Loss: TypeAlias = Callable[[list[tf.Tensor], list[tf.Tensor]], tf.Tensor]


class Root:
    """`function(solution, parameters) = 0`, for any function.

    Both products are one reverse pass each over a linearisation that is made
    once.

    Args:
        function: takes and gives lists of tensors; as many as `solution` has.
    """

    def __init__(
        self,
        function: Condition,
    ) -> None:
        self.function = function

    def linearize(
        self, solution: list[tf.Tensor], parameters: list[tf.Tensor]
    ) -> tuple[MatVec, MatVec]:
        """Gives `(transposed, mixed)`; see the module."""
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch([solution, parameters])
            value = self.function(solution, parameters)
        return (
            lambda u: _gradient(tape, value, solution, u),
            lambda u: _gradient(tape, value, parameters, u),
        )


class FixedPoint(Root):
    """`function(solution, parameters) = solution`.

    With `Neumann(terms, scale=1.0, may_grow=True)` the products equal those of
    differentiating `terms` more iterations.

    Args:
        function: takes and gives lists of tensors; as many as `solution` has.
    """

    def __init__(
        self,
        function: Condition,
    ) -> None:
        def difference(solution, parameters):
            after = function(solution, parameters)
            return [s - a for s, a in zip(solution, after, strict=True)]

        super().__init__(difference)


class Stationary:
    """The gradient of a scalar loss by the solution is zero.

    Products with the Hessian are forward over reverse: a directional derivative of
    the gradient. The mixed product is the gradient, by the parameters, of the
    loss's directional derivative; since that goes forward through the student, it
    costs two forward passes if the parameters only weight the examples.

    Args:
        loss: function `(solution, parameters)` to a scalar.
        mode: `"forward"` as above, or `"reverse"`: both products by a second
            reverse pass, for ops that have no forward derivative.
        loss_scale: number that the loss is multiplied by and its derivatives are
            divided by, for losses whose gradients are float16.
    """

    def __init__(
        self, loss: Loss, mode: str = "forward", loss_scale: float = 1.0
    ) -> None:
        if mode not in ("forward", "reverse"):
            raise ValueError(
                f"`mode` must be 'forward' or 'reverse'. Received: mode={mode!r}"
            )
        self.loss = loss
        self.mode = mode
        self.loss_scale = loss_scale

    def gradient(
        self, solution: list[tf.Tensor], parameters: list[tf.Tensor]
    ) -> list[tf.Tensor]:
        """The gradient of the loss by the solution."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(solution)
            loss = self.loss(solution, parameters) * self.loss_scale
        return [g / self.loss_scale for g in _gradient(tape, loss, solution)]

    def linearize(
        self, solution: list[tf.Tensor], parameters: list[tf.Tensor]
    ) -> tuple[MatVec, MatVec]:
        """Gives `(transposed, mixed)`; see the module."""
        if self.mode == "reverse":
            products = Root(self.gradient).linearize(solution, parameters)
            return tuple(self._rescaled(p, self.loss_scale) for p in products)

        def transposed(u):
            with _forward(solution, u) as accumulator:
                gradient = self.gradient(solution, parameters)
            return _tangents(accumulator, gradient)

        def mixed(u):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(parameters)
                with _forward(solution, u) as accumulator:
                    loss = self.loss(solution, parameters) * self.loss_scale
                (slope,) = _tangents(accumulator, [loss])
            return [g / self.loss_scale for g in _gradient(tape, slope, parameters)]

        return self._rescaled(transposed, 1.0), self._rescaled(mixed, 1.0)

    def _rescaled(self, product, magnitude):
        """The same linear function, computed at a size that float16 can hold."""
        if self.loss_scale == 1:
            return product

        def rescaled(u):
            largest = tf.reduce_max([tf.reduce_max(tf.abs(t)) for t in u])
            scale = tf.where(largest > 0, magnitude / largest, 1.0)
            return [p / scale for p in product([t * scale for t in u])]

        return rescaled


class FiniteDifference(Stationary):
    """Like `Stationary`, with products by central differences of first gradients.

    This is for students whose ops have no second derivative; it is also cheaper. The
    error is of the order of the squared step, plus rounding.

    Args:
        loss: function `(solution, parameters)` to a scalar.
        step: length of the difference in the space of weights.
        loss_scale: as for `Stationary`.
    """

    def __init__(self, loss: Loss, step: float = 1e-2, loss_scale: float = 1.0) -> None:
        super().__init__(loss, loss_scale=loss_scale)
        if step <= 0:
            raise ValueError(f"`step` must be positive. Received: step={step}")
        self.step = step

    def linearize(
        self, solution: list[tf.Tensor], parameters: list[tf.Tensor]
    ) -> tuple[MatVec, MatVec]:
        """Gives `(transposed, mixed)`; see the module."""

        def by_parameters(solution):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(parameters)
                loss = self.loss(solution, parameters) * self.loss_scale
            return [g / self.loss_scale for g in _gradient(tape, loss, parameters)]

        def difference(function, u):
            norm = tf.linalg.global_norm(u)
            epsilon = tf.math.divide_no_nan(tf.cast(self.step, norm.dtype), norm)
            up, down = (
                function([s + sign * epsilon * d for s, d in zip(solution, u)])
                for sign in (1, -1)
            )
            scale = tf.math.divide_no_nan(norm, 2 * tf.cast(self.step, norm.dtype))
            return [scale * (a - b) for a, b in zip(up, down)]

        return (
            lambda u: difference(lambda s: self.gradient(s, parameters), u),
            lambda u: difference(by_parameters, u),
        )


@contextlib.contextmanager
def _forward(solution, u):
    """A `ForwardAccumulator` whose errors say what to do."""
    with tf.autodiff.ForwardAccumulator(solution, u) as accumulator:
        try:
            yield accumulator
        except Exception as error:
            raise ValueError(
                "The student cannot be differentiated in forward mode, the default for "
                "products with second derivatives; recurrent layers may not support it "
                'unless unrolled. Pass `products="reverse"` to ImplicitTraining '
                f'(`mode="reverse"` to Stationary). The error was: {error}'
            ) from error


def _gradient(tape, target, sources, upstream=None):
    found = tape.gradient(
        target,
        sources,
        output_gradients=upstream,
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    return [tf.convert_to_tensor(g) for g in found]


def _tangents(accumulator, values):
    return accumulator.jvp(values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
