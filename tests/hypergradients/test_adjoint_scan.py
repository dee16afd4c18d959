"""The adjoint scan against closed forms and against one tape over the loop."""

import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries.hypergradients.adjoint_scan import adjoint_scan, plain_scan

# The ridge problem of docs/hypergradients.md, without any random number.
ROWS = np.arange(1, 11)[:, None]
FEATURES = np.sin(ROWS * np.arange(1, 4))
TARGETS = np.cos(ROWS[:, 0])
WEIGHTS = np.linspace(0.5, 1.5, 6)


def ridge_step(parameters, inputs, state, index):
    x, y = tf.constant(FEATURES[:6]), tf.constant(TARGETS[:6])
    residual = tf.linalg.matvec(x, state[0]) - y
    gradient = tf.linalg.matvec(x, parameters[0] * residual, transpose_a=True) / 6
    return [state[0] - 0.5 * (gradient + 0.1 * state[0])]


def outer_loss(w):
    residual = tf.linalg.matvec(tf.constant(FEATURES[6:]), w) - TARGETS[6:]
    return tf.reduce_sum(residual**2) / 8


def hypergradient(steps, interval, compiled=True):
    def compute():
        s = tf.constant(WEIGHTS)
        with tf.GradientTape() as tape:
            tape.watch(s)
            start = [tf.zeros(3, tf.float64)]
            (w,) = adjoint_scan(ridge_step, [s], [], start, 0, steps, interval)
            loss = outer_loss(w)
        return tape.gradient(loss, s)

    return (tf.function(compute) if compiled else compute)().numpy()


EXACT = [-0.17622629, -0.05417929, 0.05051977, -0.02038660, -0.00089728, 0.11151744]
FIVE_STEPS = [-0.08502455, -0.02448130, 0.02449793, -0.00536416, 0.00293316, 0.09610287]


@pytest.mark.parametrize("interval", [1, 2, 3, 5, 100])
def test_five_ridge_steps_to_eight_digits(interval):
    np.testing.assert_allclose(hypergradient(5, interval), FIVE_STEPS, atol=5e-9)


def test_runs_eagerly_too():
    found = hypergradient(5, 2, compiled=False)
    np.testing.assert_allclose(found, FIVE_STEPS, atol=5e-9)


def test_converges_to_the_exact_hypergradient():
    np.testing.assert_allclose(hypergradient(2000, 45), EXACT, atol=5e-9)


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_quadratic_problem_is_a_matrix_polynomial(steps):
    # w <- w - a (H w - p) from w0 gives dw/dp = a sum_k (I - aH)^k and
    # dw/dw0 = (I - aH)^T.
    h = np.array([[2.0, 0.5], [0.5, 1.0]])
    rate, p, w0 = 0.3, np.array([1.0, -2.0]), np.array([0.7, 0.1])

    def step(parameters, inputs, state, index):
        gradient = tf.linalg.matvec(tf.constant(h), state[0]) - parameters[0]
        return [state[0] - rate * gradient]

    with tf.GradientTape() as tape:
        parameter, start = tf.constant(p), tf.constant(w0)
        tape.watch([parameter, start])
        (w,) = adjoint_scan(step, [parameter], [], [start], 0, steps, 2)
        loss = tf.reduce_sum(w * [1.0, 3.0])
    by_p, by_start = tape.gradient(loss, [parameter, start])
    jacobian = np.eye(2) - rate * h
    powers = [np.linalg.matrix_power(jacobian, k) for k in range(steps + 1)]
    upstream = np.array([1.0, 3.0])
    np.testing.assert_allclose(by_p, rate * sum(powers[:-1]).T @ upstream, rtol=1e-12)
    np.testing.assert_allclose(by_start, powers[-1].T @ upstream, rtol=1e-12)


def test_integers_are_carried_and_not_differentiated():
    def step(parameters, inputs, state, index):
        value, count = state
        return [value * parameters[0], count + 1]

    with tf.GradientTape() as tape:
        p = tf.constant(2.0)
        tape.watch(p)
        state = [tf.constant(3.0), tf.constant(0)]
        value, count = adjoint_scan(step, [p], [], state, 0, 4, 2)
    assert int(count) == 4
    assert float(value) == 48
    np.testing.assert_allclose(tape.gradient(value, p), 4 * 3 * 2**3)


def test_the_step_index_is_the_same_forward_and_backward():
    def step(parameters, inputs, state, index):
        return [state[0] + parameters[0] * tf.cast(index, tf.float32)]

    with tf.GradientTape() as tape:
        p = tf.constant(1.0)
        tape.watch(p)
        (value,) = adjoint_scan(step, [p], [], [tf.constant(0.0)], 3, 10, 3)
    np.testing.assert_allclose(tape.gradient(value, p), sum(range(3, 10)))


def test_no_steps_leave_the_state():
    with tf.GradientTape() as tape:
        start = tf.constant([1.0, 2.0])
        tape.watch(start)
        (value,) = adjoint_scan(lambda p, x, s, i: [2 * s[0]], [], [], [start], 0, 0, 1)
    np.testing.assert_array_equal(value, start)
    np.testing.assert_array_equal(tape.gradient(value, start), [1, 1])


def test_equals_one_tape_over_the_loop():
    def compute(scan):
        s = tf.constant(WEIGHTS)
        with tf.GradientTape() as tape:
            tape.watch(s)
            loss = outer_loss(scan([s], [tf.zeros(3, tf.float64)])[0])
        return tape.gradient(loss, s)

    ours = compute(lambda p, s: adjoint_scan(ridge_step, p, [], s, 0, 30, 6))
    reference = compute(lambda p, s: plain_scan(ridge_step, p, [], s, 0, 30))
    np.testing.assert_allclose(ours, reference, rtol=1e-12)


@pytest.mark.parametrize("start", [0, 2])
def test_inputs_get_a_gradient_per_step(start):
    # state <- 2 state + x_i gives d state / d x_i = 2^(stop - 1 - i).
    def step(parameters, inputs, state, index):
        return [2 * state[0] + inputs[0]]

    with tf.GradientTape() as tape:
        x = tf.constant([1.0, 10.0, 100.0, 1000.0])
        tape.watch(x)
        (value,) = adjoint_scan(step, [], [x], [tf.constant(0.0)], start, 4, 2)
    expected = np.where(np.arange(4) < start, 0, 2.0 ** (3 - np.arange(4)))
    np.testing.assert_allclose(tape.gradient(value, x), expected)
    np.testing.assert_allclose(value, (expected * x).numpy().sum())
