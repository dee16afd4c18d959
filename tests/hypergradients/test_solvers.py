"""Linear solvers on systems whose solution is known."""

import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries.hypergradients import solvers


def system(scale=1.0, seed=0):
    """A positive definite matrix, as a product with lists of two tensors."""
    generator = np.random.default_rng(seed)
    root = generator.normal(size=(5, 5))
    matrix = scale * (root @ root.T / 5 + 0.5 * np.eye(5))
    b = [tf.constant(generator.normal(size=s)) for s in [(2,), (3, 1)]]

    def matvec(v):
        vector = tf.concat([tf.reshape(t, [-1]) for t in v], 0)
        product = tf.linalg.matvec(tf.constant(matrix), vector)
        return [product[:2], product[2:, None]]

    return matrix, matvec, b


def flat(tensors):
    return np.concatenate([np.ravel(t) for t in tensors])


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize(
    "solver",
    [
        solvers.Exact(),
        solvers.ConjugateGradient(iterations=5, tolerance=0),
        solvers.ConjugateGradient(iterations=50, tolerance=1e-10),
    ],
    ids=["exact", "cg of n steps", "cg to a tolerance"],
)
def test_exact_solvers_on_scaled_systems(solver, scale):
    matrix, matvec, b = system(scale)
    found = tf.function(lambda: solver.solve(matvec, b))()
    np.testing.assert_allclose(flat(found), np.linalg.solve(matrix, flat(b)), rtol=1e-7)
    assert [t.shape for t in found] == [t.shape for t in b]


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_conjugate_gradients_are_optimal_in_the_krylov_space(steps):
    matrix, matvec, b = system()
    found = flat(solvers.ConjugateGradient(steps, tolerance=0).solve(matvec, b))
    vector = flat(b)
    krylov = np.stack(
        [np.linalg.matrix_power(matrix, k) @ vector for k in range(steps)], 1
    )
    best = krylov @ np.linalg.solve(krylov.T @ matrix @ krylov, krylov.T @ vector)
    np.testing.assert_allclose(found, best, rtol=1e-7)


@pytest.mark.parametrize(
    "solver",
    [solvers.Exact(), solvers.ConjugateGradient(1), solvers.Nystrom(1, 1e-9)],
)
def test_one_by_one_systems(solver):
    (found,) = solver.solve(lambda v: [4 * v[0]], [tf.constant([2.0], tf.float64)])
    np.testing.assert_allclose(found, [0.5], rtol=1e-6)


@pytest.mark.parametrize("terms", [0, 1, 2, 3, 10])
def test_neumann_is_the_series(terms):
    matrix, matvec, b = system()
    found = solvers.Neumann(terms, 0.3).solve(matvec, b)
    series = sum(
        np.linalg.matrix_power(np.eye(5) - 0.3 * matrix, j) for j in range(terms + 1)
    )
    np.testing.assert_allclose(flat(found), 0.3 * series @ flat(b), rtol=1e-12)


def test_neumann_converges_to_the_solution():
    matrix, matvec, b = system()
    found = solvers.Neumann(2000, 1 / np.linalg.eigvalsh(matrix)[-1]).solve(matvec, b)
    np.testing.assert_allclose(flat(found), np.linalg.solve(matrix, flat(b)), rtol=1e-6)


@pytest.mark.parametrize("terms", [1, 2, 10])
def test_neumann_of_too_large_a_scale_is_of_first_order(terms):
    matrix, matvec, b = system()
    scale = 10 / np.linalg.eigvalsh(matrix)[0]
    found = solvers.Neumann(terms, scale).solve(matvec, b)
    expected = (terms + 1) * scale * flat(b)
    np.testing.assert_allclose(flat(found), expected, rtol=1e-12)
    found = solvers.Neumann(1, scale, may_grow=True).solve(matvec, b)
    expected = scale * (2 * flat(b) - scale * matrix @ flat(b))
    np.testing.assert_allclose(flat(found), expected, rtol=1e-12)


def test_neumann_of_a_contraction_that_is_not_symmetric():
    """Its terms grow at first and vanish then."""
    matrix = tf.constant([[0.5, -3.0], [0.0, 0.5]], tf.float64)
    b = [tf.constant([1.0, 1.0], tf.float64)]
    solver = solvers.Neumann(200, 1.0, may_grow=True)
    found = solver.solve(lambda v: [tf.linalg.matvec(matrix, v[0])], b)
    np.testing.assert_allclose(found[0], np.linalg.solve(matrix, b[0]), rtol=1e-9)


@pytest.mark.parametrize("columns", ["random", "largest"])
def test_nystrom_of_full_rank_is_the_damped_solution(columns):
    matrix, matvec, b = system()
    found = solvers.Nystrom(5, 0.1, columns).solve(matvec, b)
    expected = np.linalg.solve(matrix + 0.1 * np.eye(5), flat(b))
    np.testing.assert_allclose(flat(found), expected, rtol=1e-8)


def test_nystrom_is_exact_where_the_matrix_has_low_rank():
    generator = np.random.default_rng(1)
    root = generator.normal(size=(6, 2))
    matrix = tf.constant(root @ root.T)
    b = [tf.constant(generator.normal(size=6))]
    found = solvers.Nystrom(3, 0.01).solve(
        lambda v: [tf.linalg.matvec(matrix, v[0])], b
    )
    expected = np.linalg.solve(matrix + 0.01 * np.eye(6), b[0])
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)


def test_identity_needs_no_product():
    b = [tf.constant([1.0, 2.0])]
    (found,) = solvers.Identity().solve(None, b)
    np.testing.assert_array_equal(found, b[0])


def test_damping_is_added():
    matrix, matvec, b = system()
    expected = np.linalg.solve(matrix + 0.7 * np.eye(5), flat(b))
    for solver in (
        solvers.Exact(damping=0.7),
        solvers.ConjugateGradient(5, 0, damping=0.7),
    ):
        np.testing.assert_allclose(flat(solver.solve(matvec, b)), expected, rtol=1e-7)


def test_conjugate_gradients_stop_at_negative_curvature():
    matrix = tf.linalg.diag(tf.constant([1.0, -1.0]))
    (found,) = solvers.ConjugateGradient(10).solve(
        lambda v: [tf.linalg.matvec(matrix, v[0])], [tf.constant([1.0, 3.0])]
    )
    assert np.isfinite(found).all()


def test_a_zero_right_side_has_a_zero_solution():
    _, matvec, b = system()
    zeros = [tf.zeros_like(t) for t in b]
    for name in ("identity", "neumann", "cg", "nystrom", "exact"):
        np.testing.assert_array_equal(flat(solvers.get(name).solve(matvec, zeros)), 0)


def test_an_unknown_solver_is_named():
    with pytest.raises(ValueError, match="identity, neumann, cg, nystrom, exact.*'lu'"):
        solvers.get("lu")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: solvers.Neumann(-1), "terms=-1"),
        (lambda: solvers.Neumann(1, 0.0), "scale=0.0"),
        (lambda: solvers.ConjugateGradient(0), "iterations=0"),
        (lambda: solvers.Nystrom(0), "rank=0"),
        (lambda: solvers.Nystrom(columns="all"), "'random' or 'largest'"),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_warm_follows_the_solution():
    matrix, matvec, b = system()
    solver = solvers.Warm(1 / np.linalg.eigvalsh(matrix)[-1]).begin(b)
    call = tf.function(lambda: solver.solve(matvec, b))
    assert not flat(call()).any()
    for _ in range(1000):
        found = call()
    np.testing.assert_allclose(flat(found), np.linalg.solve(matrix, flat(b)), rtol=1e-6)
    # From there a little further, when b has changed.
    b = [1.01 * t for t in b]
    first, second = (solver.solve(matvec, b) for _ in range(2))
    errors = [np.linalg.norm(flat(x) - 1.01 * flat(found)) for x in (first, second)]
    assert errors[1] < errors[0] < 0.02 * np.linalg.norm(flat(found))


@pytest.mark.parametrize("scale", [1e3, -1.0])
def test_warm_does_not_explode(scale):
    """Neither with steps that are too long, nor where the curvature is negative."""
    _, matvec, b = system(scale)
    solver = solvers.Warm(0.1).begin(b)
    steps = 0.1 / np.sqrt(np.arange(1, 100))
    for number in range(100):
        found = flat(solver.solve(matvec, b))
        longest = steps[:number].sum() * np.linalg.norm(flat(b))
        assert np.linalg.norm(found) <= longest * (1 + 1e-9)
    if scale < 0:
        np.testing.assert_allclose(found, steps.sum() * flat(b))


def test_warm_belongs_to_one_student():
    _, matvec, b = system()
    one, other = (solvers.get("warm").begin(b) for _ in range(2))
    one.solve(matvec, b)
    assert flat(one.variables[:-1]).any() and not flat(other.variables[:-1]).any()
    assert (int(one.variables[-1]), int(other.variables[-1])) == (1, 0)
    with pytest.raises(ValueError, match="begin"):
        solvers.get("warm").solve(matvec, b)
    with pytest.raises(ValueError, match="step=0"):
        solvers.Warm(0)
