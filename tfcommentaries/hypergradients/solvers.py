"""Linear solvers: `solve(matvec, b)` gives x with `A x = b`, lists of tensors.

`matvec` multiplies a list of tensors by A. Only `Warm` holds state.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import tensorflow as tf

#: Multiplies a list of tensors by a matrix.
MatVec: TypeAlias = Callable[[list[tf.Tensor]], Sequence[tf.Tensor]]


class Solver(Protocol):
    """Anything with this method."""

    def solve(self, matvec: MatVec, b: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Gives x with `A x = b`; `matvec(v)` is `A v`."""
        ...


@dataclasses.dataclass(frozen=True)
class Identity:
    """Treats A as the identity: `x = b`, without any product.

    The first-order form of Luketina et al. (T1-T2): cheapest, and biased by the
    curvature that it leaves out.

    Reference:
        [Luketina et al., Scalable Gradient-Based Tuning](
            https://arxiv.org/abs/1511.06727)
    """

    def solve(self, matvec: MatVec, b: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """See the module."""
        return list(b)


@dataclasses.dataclass(frozen=True)
class Neumann:
    """A truncated Neumann series: `x = scale * sum_{j=0..terms} (I - scale A)^j b`.

    Converges if all eigenvalues of A lie in (0, 2 / scale). Otherwise terms grow, and
    the last one drowns the others and points elsewhere. So, unless `may_grow`, the
    series repeats a term instead of taking a larger one.

    Args:
        terms: number of products with A, `K`; `K + 1` terms are summed.
        scale: step of the series, at most about the inverse of A's largest
            eigenvalue: of a batch-normalised network that may be in the hundreds.
            The paper takes the student's learning rate; the default is Adam's.
        may_grow: whether terms may grow. Those of a series that converges may do so
            for a while if A is not symmetric.

    Reference:
        [Lorraine et al., Optimizing Millions of Hyperparameters by Implicit
        Differentiation](https://arxiv.org/abs/1911.02590)
    """

    terms: int = 1
    scale: float = 1e-3
    may_grow: bool = False

    def __post_init__(self):
        if self.terms < 0 or self.scale <= 0:
            raise ValueError(
                "Neumann needs `terms` of at least 0 and a positive `scale`. "
                f"Received: terms={self.terms}, scale={self.scale}"
            )

    def solve(self, matvec: MatVec, b: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """See the module."""

        def body(step, term, total):
            after = _add(term, matvec(term), -self.scale)
            if not self.may_grow:
                grown = _dot(after, after) > _dot(term, term)
                after = [tf.where(grown, t, a) for t, a in zip(term, after)]
            return step + 1, after, _add(total, after)

        if self.terms <= 2:
            # Without a loop, TensorFlow shares what the products have in common.
            term = total = list(b)
            for step in range(self.terms):
                _, term, total = body(step, term, total)
        else:
            _, _, total = tf.while_loop(
                lambda step, *_: step < self.terms,
                body,
                (tf.constant(0), list(b), list(b)),
            )
        return [self.scale * t for t in total]


@dataclasses.dataclass(frozen=True)
class ConjugateGradient:
    """Conjugate gradients on `(A + damping I) x = b`; A symmetric.

    Exact after as many iterations as A has different eigenvalues. If A is not
    positive definite, choose a damping larger than its most negative eigenvalue;
    iteration stops at a direction of negative curvature.

    Args:
        iterations: largest number of iterations, each one product with A.
        tolerance: stop when the residual's norm is below this part of b's.
        damping: added to A's diagonal.
    """

    iterations: int = 10
    tolerance: float = 1e-5
    damping: float = 0.0

    def __post_init__(self):
        if self.iterations < 1:
            raise ValueError(
                "ConjugateGradient needs `iterations` of at least 1. "
                f"Received: iterations={self.iterations}"
            )

    def solve(self, matvec: MatVec, b: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """See the module."""
        b = list(b)
        squared = _dot(b, b)
        enough = squared * self.tolerance**2

        def unfinished(step, x, residual, direction, squared, positive):
            return (step < self.iterations) & (squared > enough) & positive

        def body(step, x, residual, direction, squared, positive):
            product = _add(matvec(direction), direction, self.damping)
            curvature = _dot(direction, product)
            positive = curvature > 0
            # At negative curvature nothing moves, and the loop ends.
            alpha = tf.where(positive, squared / curvature, tf.zeros_like(squared))
            x = _add(x, direction, alpha)
            residual = _add(residual, product, -alpha)
            after = _dot(residual, residual)
            direction = _add(residual, direction, after / squared)
            return step + 1, x, residual, direction, after, positive

        state = (
            tf.constant(0),
            [tf.zeros_like(t) for t in b],
            b,
            b,
            squared,
            tf.constant(True),
        )
        _, x, *_ = tf.while_loop(unfinished, body, state)
        return x


@dataclasses.dataclass(frozen=True)
class Nystrom:
    """Inverts a low-rank approximation of A plus damping; A symmetric.

    With C some columns of A and M their rows in C, A is about `C M^-1 C^T`, and
    by Woodbury

        (A + d I)^-1 b = (b - C (d M + C^T C)^-1 C^T b) / d.

    It needs `rank` products, which do not depend on each other, and no step size.

    Args:
        rank: number of columns.
        damping: d, positive.
        columns: `"random"`: drawn uniformly; `"largest"`: where b is largest.
        seed: seed of the draw.

    Reference:
        [Hataya and Yamada, Nyström Method for Accurate and Scalable Implicit
        Differentiation](https://arxiv.org/abs/2302.09726)
    """

    rank: int = 10
    damping: float = 0.01
    columns: str = "random"
    seed: int = 0

    def __post_init__(self):
        if self.rank < 1 or self.damping <= 0:
            raise ValueError(
                "Nystrom needs `rank` of at least 1 and a positive `damping`. "
                f"Received: rank={self.rank}, damping={self.damping}"
            )
        if self.columns not in ("random", "largest"):
            raise ValueError(
                "`columns` must be 'random' or 'largest'. "
                f"Received: columns={self.columns!r}"
            )

    def solve(self, matvec: MatVec, b: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """See the module."""
        vector = _flatten(b)
        size = tf.shape(vector)[0]
        rank = tf.minimum(self.rank, size)
        if self.columns == "largest":
            order = tf.abs(vector)
        else:
            # This algorithm gives the same numbers inside XLA.
            order = tf.random.stateless_uniform([size], [self.seed, 0], alg="philox")
        index = tf.math.top_k(order, rank).indices
        columns = _columns(matvec, index, b)
        middle = self.damping * tf.gather(columns, index, axis=0)
        middle += tf.matmul(columns, columns, transpose_a=True)
        small = tf.linalg.matvec(columns, vector, transpose_a=True)
        # Least squares, since columns may depend on each other.
        small = tf.linalg.matvec(tf.linalg.pinv(middle), small)
        x = (vector - tf.linalg.matvec(columns, small)) / self.damping
        return _split(x, b)


@dataclasses.dataclass(frozen=True)
class Exact:
    """Builds A column by column and solves densely: for tests and small problems.

    Args:
        damping: added to A's diagonal.
    """

    damping: float = 0.0

    def solve(self, matvec: MatVec, b: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """See the module."""
        vector = _flatten(b)
        size = tf.shape(vector)[0]
        matrix = _columns(matvec, tf.range(size), b)
        matrix += self.damping * tf.eye(size, dtype=vector.dtype)
        return _split(tf.linalg.solve(matrix, vector[:, None])[:, 0], b)


class Warm:
    """Keeps x from call to call, and makes a step a call: `x += step * (b - A x)`.

    A and b change little from one training step to the next, so x follows the
    solution for one product each. A call gives x before its step, as in SOBA, so that
    this product and the mixed one share a forward pass. The first gives zeros.

    A step is shortened where A alone would make x longer, and leaves out A where the
    curvature along x is negative.

    Args:
        step: length of the first step; others are divided by the root of their number.

    Attributes:
        variables: list of `tf.Variable`, x and the number of steps; see `begin`.

    Reference:
        [Dagréou et al., A framework for bilevel optimization that enables stochastic
        and global variance reduction algorithms](https://arxiv.org/abs/2201.13409)
    """

    def __init__(self, step: float = 1.0) -> None:
        if step <= 0:
            raise ValueError(f"`step` must be positive. Received: step={step}")
        self.step = step
        self.variables: list[tf.Variable] = []

    def begin(self, weights: Sequence[tf.Tensor]) -> "Warm":
        """Gives such a solver for one student, with x of zeros like its `weights`."""
        solver = Warm(self.step)
        values = [*map(tf.zeros_like, weights), tf.zeros([], tf.int64)]
        solver.variables = [tf.Variable(v, trainable=False) for v in values]
        return solver

    def solve(self, matvec: MatVec, b: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """See the module."""
        if not self.variables:
            raise ValueError(
                "solver='warm' keeps the solution of one student. Learn with "
                "LearnCommentaryCallback, or pass `Warm().begin(weights)`."
            )
        *x, number = map(tf.convert_to_tensor, self.variables)
        product = list(matvec(x))
        along, squared = _dot(x, product), _dot(product, product)
        step = self.step * tf.math.rsqrt(tf.cast(number + 1, along.dtype))
        # Up to twice this, x - step A x is no longer than x.
        longest = tf.math.divide_no_nan(along, squared)
        step = tf.where(along > 0, tf.minimum(step, longest), step)
        product = [tf.where(along > 0, p, tf.zeros_like(p)) for p in product]
        after = _add(x, _add(b, product, -1.0), step)
        for variable, value in zip(self.variables, [*after, number + 1]):
            variable.assign(value)
        return x


_NAMES = {
    "identity": Identity,
    "neumann": Neumann,
    "cg": ConjugateGradient,
    "nystrom": Nystrom,
    "exact": Exact,
    "warm": Warm,
}


def get(solver: Solver | str) -> Solver:
    """Gives a solver by name or returns it as it is.

    Args:
        solver: `"identity"`, `"neumann"`, `"cg"`, `"nystrom"`, `"exact"`, `"warm"`,
            or an object with a method `solve(matvec, b)`.

    Returns:
        A solver.
    """
    if hasattr(solver, "solve"):
        return solver
    if solver not in _NAMES:
        raise ValueError(
            f"`solver` must be one of {', '.join(_NAMES)}, or an object with a "
            f"method `solve(matvec, b)`. Received: {solver!r}"
        )
    return _NAMES[solver]()


def _add(a, b, factor=1.0):
    # Not a cast: that of a Python number goes through float32.
    if not tf.is_tensor(factor):
        return [x + factor * y for x, y in zip(a, b)]
    return [x + tf.cast(factor, x.dtype) * y for x, y in zip(a, b)]


def _dot(a, b):
    return tf.add_n([tf.reduce_sum(x * y) for x, y in zip(a, b)])


def _flatten(tensors):
    return tf.concat([tf.reshape(t, [-1]) for t in tensors], 0)


def _split(vector, like):
    parts = tf.split(vector, [tf.size(t) for t in like])
    return [tf.reshape(part, tf.shape(t)) for part, t in zip(parts, like)]


def _columns(matvec, index, like):
    """The columns `A[:, index]`, one product each."""
    size = sum(tf.size(t) for t in like)
    dtype = like[0].dtype

    def column(i):
        return _flatten(matvec(_split(tf.one_hot(i, size, dtype=dtype), like)))

    rows = tf.map_fn(column, index, fn_output_signature=dtype)
    return tf.transpose(rows)
