"""Solutions scaled as an adaptive optimizer scales its steps."""

import tensorflow as tf

#: Added to roots, as a fraction of their mean: it bounds how much small ones scale.
DAMPING = 0.01


class Preconditioned:
    """Divides a solver's result by roots of mean squared gradients.

    The roots are relative to their mean, so that the solution keeps its size.

    Args:
        solver: a solver from `solvers`.
        mean_squares: list of tensors, like the solution.

    Reference:
        [Choe et al., Making Scalable Meta Learning Practical](
            https://arxiv.org/abs/2310.05674)
    """

    def __init__(self, solver, mean_squares):
        self.solver = solver
        self.mean_squares = mean_squares

    def solve(self, matvec, b):
        """See `solvers`."""
        roots = [tf.sqrt(tf.convert_to_tensor(square)) for square in self.mean_squares]
        size = sum(tf.size(root, tf.int64) for root in roots)
        mean = tf.add_n([tf.reduce_sum(root) for root in roots])
        mean /= tf.cast(size, mean.dtype)
        # Before the first step all are zero.
        mean = tf.where(mean > 0, mean, 1)
        return [
            x * tf.cast((1 + DAMPING) * mean / (root + DAMPING * mean), x.dtype)
            for x, root in zip(self.solver.solve(matvec, b), roots)
        ]
