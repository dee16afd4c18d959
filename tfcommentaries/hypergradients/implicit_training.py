"""Inner training as a layer, by implicit differentiation."""

from collections.abc import Sequence

import tensorflow as tf

from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.hypergradients import solvers
from tfcommentaries.hypergradients.adjoint_scan import plain_scan
from tfcommentaries.hypergradients.implicit_solution import ImplicitSolution
from tfcommentaries.hypergradients.loss_weighted_problem import inner_problem
from tfcommentaries.hypergradients.optimality import FiniteDifference, Stationary
from tfcommentaries.hypergradients.preconditioned import Preconditioned
from tfcommentaries.hypergradients.solvers import Solver
from tfcommentaries.hypergradients.training_layer import (
    TrainingLayer,
    number_of_steps,
)
from tfcommentaries.students.functional_student import FunctionalStudent
from tfcommentaries.typing import Optimizer


class ImplicitTraining:
    """Implicit differentiation of training (Algorithm 2 of the paper).

    Forward, a student trains on `T` batches, and nothing is kept. Backward, its weights
    are treated as a minimum of the inner loss on the last batch, and the implicit
    function theorem gives the gradient. Cost and memory do not depend on `T`. The
    gradient is correct once training has converged; before that, it ignores how the
    student reached its weights.

    Args:
        optimizer: as for `UnrolledTraining`.
        solver: name or object; see `solvers`. Defaults to the paper's `Neumann`
            with one product. `"warm"` is for `LearnCommentaryCallback`.
        products: `"forward"`, `"reverse"` or `"finite_difference"`: how products
            with second derivatives are computed; see `optimality`.
        preconditioned: whether to scale the solver's result, weight by weight, as the
            student's optimizer scales its steps: by the root of its mean squared
            gradients (Adam, RMSprop and the like). Other optimizers scale nothing. With
            `solver="identity"` this is the first-order method of SAMA.

    Reference:
        [Lorraine et al., Optimizing Millions of Hyperparameters by Implicit
        Differentiation](https://arxiv.org/abs/1911.02590);
        [Choe et al., Making Scalable Meta Learning Practical](
            https://arxiv.org/abs/2310.05674)
    """

    def __init__(
        self,
        optimizer: Optimizer = None,
        solver: Solver | str = "neumann",
        products: str = "forward",
        preconditioned: bool = False,
    ) -> None:
        if products not in ("forward", "reverse", "finite_difference"):
            raise ValueError(
                "`products` must be 'forward', 'reverse' or 'finite_difference'. "
                f"Received: products={products!r}"
            )
        self.optimizer = optimizer
        self.solver = solvers.get(solver)
        self.products = products
        self.preconditioned = preconditioned

    def __repr__(self):
        return (
            f"ImplicitTraining(solver={type(self.solver).__name__}, "
            f"products={self.products!r}, preconditioned={self.preconditioned!r})"
        )

    def begin_solver(self, weights: Sequence[tf.Tensor]) -> Solver:
        """The solver for one student that goes on training, with what it keeps.

        Args:
            weights: list of tensors like the student's trainable weights.
        """
        if isinstance(self.solver, solvers.Warm):
            return self.solver.begin(weights)
        return self.solver

    def bind(self, commentary: Commentary, student: FunctionalStudent) -> TrainingLayer:
        """Makes the layer for one commentary and one student.

        Args:
            commentary: a built `Commentary`.
            student: a built `FunctionalStudent`.

        Returns:
            A `TrainingLayer`.

        Raises:
            ValueError: with `solver="warm"`, since students may start anew.
        """
        if isinstance(self.solver, solvers.Warm):
            raise ValueError(
                "solver='warm' follows one student that goes on training, and here "
                "students may start anew. Use it with LearnCommentaryCallback; here, "
                "use solver='neumann' or 'identity'."
            )
        return ImplicitLayer(inner_problem(commentary, student, self.optimizer), self)


class ImplicitLayer(TrainingLayer):
    """The layer of an `ImplicitTraining`.

    Args:
        problem: `InnerProblem`.
        options: the `ImplicitTraining`.
        solver: what to use in place of its solver; see `solvers.Warm.begin`.
    """

    def __init__(self, problem, options, solver=None):
        super().__init__(problem)
        self.options = options
        self.solver = solver or options.solver

    def train(
        self,
        annotations,
        state,
        batches,
        first_step=0,
        measure=None,
        parameters=(),
    ):
        if measure is not None:
            raise ValueError(
                "A loss after every step needs UnrolledTraining: ImplicitTraining "
                "differentiates the last weights only."
            )
        state = self.problem.joined(state)
        step = self.step_of(state, batches, first_step)
        stop = number_of_steps(batches)
        flat = plain_scan(step, [], annotations, tf.nest.flatten(state), 0, stop)
        flat = [tf.stop_gradient(s) for s in flat]
        state = self.problem.parted(tf.nest.pack_sequence_as(state, flat))
        last = tf.nest.map_structure(lambda t: t[-1], batches)
        squares = self.problem.optimizer.mean_squares(state.slots)
        weights = self.solution(
            state.weights, last, [a[-1] for a in annotations], squares
        )
        return state._replace(weights=weights)

    def solution(self, weights, batch, annotation, mean_squares=None):
        """Gives weights through which the implicit gradient flows.

        Args:
            weights: `StudentWeights` that are treated as a minimum.
            batch: the batch of the inner loss.
            annotation: its annotation, a list.
            mean_squares: mean squared gradients of the student, by weight, used if
                the method is preconditioned; `None` if its optimizer keeps none.

        Returns:
            The same `StudentWeights`; gradients flow to `annotation`.
        """

        def loss(solution, parameters):
            return self.problem.loss(
                parameters, weights._replace(trainable=solution), batch
            )[0]

        scale = self.problem.student.loss_scale
        if self.options.products == "finite_difference":
            optimality = FiniteDifference(loss, loss_scale=scale)
        else:
            optimality = Stationary(loss, self.options.products, scale)
        solver = self.solver
        if self.options.preconditioned and mean_squares is not None:
            solver = Preconditioned(solver, mean_squares)
        layer = ImplicitSolution(lambda _: weights.trainable, optimality, solver)
        return weights._replace(trainable=layer(annotation))
