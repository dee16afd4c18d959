"""The solution of an inner problem as a differentiable layer."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from tfcommentaries.hypergradients import solvers
from tfcommentaries.hypergradients.optimality import Root, Stationary
from tfcommentaries.hypergradients.solvers import Solver


class ImplicitSolution:
    """Differentiates a solution through its optimality condition.

    With `F(x, p) = 0` at the solution x of parameters p, and v the gradient of
    something by x,

        gradient by p = -(dF/dp)^T u    where    (dF/dx)^T u = v.

    Example, ridge regression:

    >>> def loss(x, p):
    ...     penalty = p[0] * tf.reduce_sum(x[0] ** 2)
    ...     return tf.reduce_sum((features @ x[0] - y) ** 2) + penalty
    >>> layer = ImplicitSolution(fit_ridge, Stationary(loss), "cg")
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(penalty)
    ...     (x,) = layer([penalty])
    ...     outer = tf.reduce_mean((other_features @ x - other_y) ** 2)
    >>> tape.gradient(outer, penalty)

    Args:
        find: function from the parameters to the solution, lists of tensors. It is not
            differentiated.
        optimality: `Root`, `FixedPoint`, `Stationary` or `FiniteDifference`.
        solver: name or object; see `solvers`. Solvers that need a symmetric matrix fit
            `Stationary` only.

    Reference:
        [Blondel et al., Efficient and Modular Implicit Differentiation](
            https://arxiv.org/abs/2105.15183)
    """

    def __init__(
        self,
        find: Callable[[list[tf.Tensor]], Sequence[tf.Tensor]],
        optimality: Root | Stationary,
        solver: Solver | str = "neumann",
    ) -> None:
        self.find = find
        self.optimality = optimality
        self.solver = solvers.get(solver)

    @tf.autograph.experimental.do_not_convert
    def __call__(self, parameters: list[tf.Tensor]) -> list[tf.Tensor]:
        """Finds the solution.

        Args:
            parameters: list of tensors.

        Returns:
            The solution, a list of tensors. Gradients flow to `parameters`.
        """

        @tf.custom_gradient
        def solution_of(*parameters):
            parameters = list(parameters)
            solution = [tf.stop_gradient(s) for s in self.find(parameters)]

            def gradient(*upstream):
                # Gradients of embeddings come as slices.
                dense = [tf.convert_to_tensor(u) for u in upstream]
                return tuple(self.pull_back(solution, parameters, dense))

            return tuple(solution), gradient

        return list(solution_of(*parameters))

    def pull_back(
        self,
        solution: list[tf.Tensor],
        parameters: list[tf.Tensor],
        upstream: list[tf.Tensor],
    ) -> list[tf.Tensor]:
        """Turns `upstream`, a gradient by the solution, into one by the parameters."""
        transposed, mixed = self.optimality.linearize(solution, parameters)
        u = self.solver.solve(transposed, upstream)
        return [-g for g in mixed(u)]
