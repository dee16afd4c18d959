"""Implicit differentiation against closed forms, unrolling and differences."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypergradients.test_adjoint_scan import (
    EXACT,
    FEATURES,
    TARGETS,
    WEIGHTS,
    outer_loss,
    ridge_step,
)
from hypergradients.test_unrolled_training import RawWeights, problem, repeat, ridge

from tfcommentaries import UnrolledTraining
from tfcommentaries.hypergradients import (
    FiniteDifference,
    FixedPoint,
    ImplicitSolution,
    ImplicitTraining,
    Root,
    Stationary,
    solvers,
)
from tfcommentaries.hypergradients.adjoint_scan import adjoint_scan


def ridge_loss(solution, parameters):
    x, y = tf.constant(FEATURES[:6]), tf.constant(TARGETS[:6])
    residual = tf.linalg.matvec(x, solution[0]) - y
    loss = tf.reduce_sum(parameters[0] * residual**2) / 12
    return loss + 0.05 * tf.reduce_sum(solution[0] ** 2)


def ridge_solution(parameters):
    x, s = FEATURES[:6], np.asarray(parameters[0])
    matrix = x.T @ (s[:, None] * x) / 6 + 0.1 * np.eye(3)
    return [tf.constant(np.linalg.solve(matrix, x.T @ (s * TARGETS[:6]) / 6))]


def ridge_gradient(optimality, solver):
    layer = ImplicitSolution(ridge_solution, optimality, solver)
    with tf.GradientTape() as tape:
        s = tf.constant(WEIGHTS)
        tape.watch(s)
        loss = outer_loss(layer([s])[0])
    return tape.gradient(loss, s).numpy()


EXACT_SOLVERS = [
    solvers.Exact(),
    solvers.ConjugateGradient(3, 0),
    solvers.Nystrom(3, 1e-8),
    solvers.Neumann(120, 0.5),
]


@pytest.mark.parametrize("solver", EXACT_SOLVERS, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize(
    "optimality",
    [
        Stationary(ridge_loss),
        Stationary(ridge_loss, "reverse"),
        Root(Stationary(ridge_loss).gradient),
    ],
    ids=["forward", "reverse", "root"],
)
def test_ridge_regression_to_eight_digits(optimality, solver):
    np.testing.assert_allclose(ridge_gradient(optimality, solver), EXACT, atol=1e-7)


def test_finite_differences_are_close():
    # The loss is quadratic in the weights, so only rounding is left.
    found = ridge_gradient(FiniteDifference(ridge_loss), solvers.Exact())
    np.testing.assert_allclose(found, EXACT, atol=1e-7)


@pytest.mark.parametrize("form", [Stationary, FiniteDifference])
def test_a_solution_kept_from_call_to_call(form):
    solver = solvers.Warm().begin([tf.zeros(3, tf.float64)])
    s = tf.constant(WEIGHTS)
    solution = ridge_solution([s])
    layer = ImplicitSolution(lambda _: solution, form(ridge_loss), solver)

    @tf.function(autograph=False)
    def gradient():
        with tf.GradientTape() as tape:
            tape.watch(s)
            loss = outer_loss(layer([s])[0])
        return tape.gradient(loss, s)

    found = [gradient().numpy() for _ in range(400)]
    assert not found[0].any()
    np.testing.assert_allclose(found[-1], EXACT, atol=1e-7)


def test_students_that_may_start_anew_need_another_solver():
    with pytest.raises(ValueError, match="Use it with LearnCommentaryCallback"):
        ImplicitTraining(solver="warm").bind(RawWeights(WEIGHTS), ridge())


def test_a_fixed_point():
    def update(solution, parameters):
        return ridge_step(parameters, [], solution, 0)

    for solver in (solvers.Exact(), solvers.Neumann(120, 1.0)):
        found = ridge_gradient(FixedPoint(update), solver)
        np.testing.assert_allclose(found, EXACT, atol=1e-7)


def test_a_root_whose_matrix_is_not_symmetric(float64):
    # x = (p A)^-1 c has dx/dp = -x / p.
    a = np.array([[2.0, 1.0], [-0.5, 1.0]])
    c = np.array([1.0, 2.0])

    def root(solution, parameters):
        return [parameters[0] * tf.linalg.matvec(tf.constant(a), solution[0]) - c]

    p = tf.constant(3.0, tf.float64)
    layer = ImplicitSolution(
        lambda q: [tf.constant(np.linalg.solve(a * float(q[0]), c))],
        Root(root),
        "exact",
    )
    with tf.GradientTape() as tape:
        tape.watch(p)
        (x,) = layer([p])
        loss = tf.reduce_sum(x * [1.0, 5.0])
    expected = -np.linalg.solve(3 * a, c) @ [1.0, 5.0] / 3
    np.testing.assert_allclose(tape.gradient(loss, p), expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("terms", "error"),
    [(0, 0.780), (5, 0.234), (10, 0.073), (20, 0.0076), (50, 9.2e-6)],
)
def test_neumann_has_the_published_error(terms, error):
    found = ridge_gradient(Stationary(ridge_loss), solvers.Neumann(terms, 0.5))
    relative = np.linalg.norm(found - EXACT) / np.linalg.norm(EXACT)
    assert relative == pytest.approx(error, rel=0.02)


@pytest.mark.parametrize("terms", [0, 1, 5])
def test_neumann_at_the_optimum_is_truncated_unrolling(terms):
    start = ridge_solution([WEIGHTS])
    with tf.GradientTape() as tape:
        s = tf.constant(WEIGHTS)
        tape.watch(s)
        (w,) = adjoint_scan(ridge_step, [s], [], start, 0, terms + 1, 1)
        loss = outer_loss(w)
    expected = tape.gradient(loss, s)
    found = ridge_gradient(Stationary(ridge_loss), solvers.Neumann(terms, 0.5))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def keras_ridge_gradient(inner_training, steps=400):
    student = ridge()
    train = inner_training.bind(RawWeights(WEIGHTS), student)
    batches = repeat(FEATURES[:6], steps), repeat(TARGETS[:6, None], steps)

    @tf.function(autograph=False)
    def compute(phi):
        with tf.GradientTape() as tape:
            tape.watch(phi)
            weights = train(phi, student.weights, batches)
            outputs, _ = student.predict(weights, tf.constant(FEATURES[6:]))
            loss = tf.reduce_sum((outputs[:, 0] - TARGETS[6:]) ** 2) / 8
        return tape.gradient(loss, phi)[0]

    return compute([tf.constant(WEIGHTS)]).numpy()


@pytest.mark.parametrize("solver", EXACT_SOLVERS, ids=lambda s: type(s).__name__)
def test_a_keras_model_at_convergence(float64, solver):
    found = keras_ridge_gradient(ImplicitTraining(solver=solver))
    np.testing.assert_allclose(found, EXACT, atol=1e-7)


@pytest.mark.parametrize("products", ["reverse", "finite_difference"])
def test_a_keras_model_with_other_products(float64, products):
    found = keras_ridge_gradient(ImplicitTraining(solver="exact", products=products))
    np.testing.assert_allclose(found, EXACT, atol=1e-8)


def test_unrolling_goes_to_the_same_at_convergence(float64):
    found = keras_ridge_gradient(UnrolledTraining())
    np.testing.assert_allclose(found, EXACT, atol=1e-7)


def hypergradient(inner_training, direct=False):
    keras.utils.set_random_seed(0)
    commentary, student, batches = problem(keras.optimizers.SGD(0.1))
    layer = inner_training.bind(commentary, student)

    @tf.function(autograph=False)
    def compute():
        phi = [tf.convert_to_tensor(v) for v in commentary.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(phi)
            weights = layer(phi, student.weights, batches)
            loss, _ = student.loss(weights, batches[0][1], batches[1][1])
            if direct:
                loss += tf.add_n([tf.reduce_sum(p**2) for p in phi])
        return tape.gradient(loss, phi), phi

    return compute()


REVERSE, DIFFERENCES = ("reverse", 1e-8), ("finite_difference", 2e-2)


@pytest.mark.parametrize(
    "solver, products",
    [
        ("identity", [REVERSE, DIFFERENCES]),
        ("neumann", [REVERSE, DIFFERENCES]),
        (solvers.Neumann(4, 0.1), [REVERSE, DIFFERENCES]),
        # It stops at negative curvature, which differences may see elsewhere.
        ("cg", [REVERSE]),
        (solvers.ConjugateGradient(2, damping=5.0), [DIFFERENCES]),
    ],
    ids=["identity", "one term", "series", "cg", "damped cg"],
)
def test_all_products_agree_on_a_network_with_batch_norm(float64, solver, products):
    expected, _ = hypergradient(ImplicitTraining(solver=solver))
    assert any(np.abs(b).max() > 0 for b in expected)
    for name, tolerance in products:
        found, _ = hypergradient(ImplicitTraining(solver=solver, products=name))
        for a, b in zip(found, expected):
            scale = np.abs(b).max()
            np.testing.assert_allclose(a, b, atol=tolerance * scale)


def test_a_direct_term_is_added(float64):
    without, phi = hypergradient(ImplicitTraining())
    with_term, _ = hypergradient(ImplicitTraining(), direct=True)
    for a, b, p in zip(with_term, without, phi):
        np.testing.assert_allclose(a, b + 2 * p, rtol=1e-9)


def test_training_is_the_same_as_unrolled(float64):
    commentary, student, batches = problem(keras.optimizers.Adam(0.01), dropout=0.3)
    phi = [tf.convert_to_tensor(v) for v in commentary.trainable_variables]
    found, expected = (
        form.bind(commentary, student)(phi, student.weights, batches)
        for form in (ImplicitTraining(), UnrolledTraining(eps_root=1e-20))
    )
    tf.nest.map_structure(np.testing.assert_array_equal, found, expected)


def test_wrong_products_are_named():
    with pytest.raises(ValueError, match="'forward', 'reverse' or 'finite_difference'"):
        ImplicitTraining(products="numeric")
    with pytest.raises(ValueError, match="'forward' or 'reverse'"):
        Stationary(ridge_loss, "numeric")
    with pytest.raises(ValueError, match="step=0"):
        FiniteDifference(ridge_loss, step=0)
