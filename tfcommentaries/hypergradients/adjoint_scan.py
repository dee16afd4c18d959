"""A loop through which gradients flow at the cost of its states alone."""

import tensorflow as tf


def adjoint_scan(step, parameters, state, start, stop, interval):
    """Repeats `state = step(parameters, state, index)`, differentiably.

    Backward, with `a_i` the adjoint of the state before step `i`:

        a_i         = a_{i+1} . d step(parameters, state_i) / d state_i
        parameters += a_{i+1} . d step(parameters, state_i) / d parameters

    Each product is taken with a fresh tape over one step, so nothing that a step
    computes is kept. States are kept at every `interval`-th step; those between
    are computed again, one interval at a time. Gradients of gradients are not
    supported.

    Args:
        step: a pure function `(parameters, state, index) -> state`.
        parameters: list of float tensors.
        state: list of tensors; entries that are not floats (seeds, counters) are
            carried and not differentiated.
        start: integer scalar, index of the first step.
        stop: integer scalar, one after the index of the last step.
        interval: integer scalar, at least 1.

    Returns:
        The state after the last step, a list of tensors. Gradients flow to
        `parameters` and `state`.
    """
    count = len(parameters)
    start, stop = tf.convert_to_tensor(start), tf.convert_to_tensor(stop)

    @tf.custom_gradient
    def scan(*arguments):
        parameters, state = list(arguments[:count]), list(arguments[count:])
        final, kept = _run_keeping(step, parameters, state, start, stop, interval)

        def gradient(*upstream):
            adjoint = [
                tf.convert_to_tensor(a)
                for a, s in zip(upstream, final)
                if s.dtype.is_floating
            ]
            by_parameters, adjoint = _run_back(
                step, parameters, kept, adjoint, start, stop, interval
            )
            adjoint = iter(adjoint)
            by_state = [next(adjoint) if s.dtype.is_floating else None for s in state]
            return (*by_parameters, *by_state)

        return tuple(final), gradient

    return list(scan(*parameters, *state))


def plain_scan(step, parameters, state, start, stop):
    """The same loop without anything kept; arguments as for `adjoint_scan`.

    One tape over this loop also gives the gradient, and keeps every activation:
    the reference that `adjoint_scan` is tested against.
    """
    _, state = tf.while_loop(
        lambda index, _: index < stop,
        lambda index, state: (index + 1, step(parameters, state, index)),
        (tf.convert_to_tensor(start), list(state)),
    )
    return state


def _run_keeping(step, parameters, state, start, stop, interval):
    """Runs the steps; also returns the state before every `interval`-th one."""
    segments = -(-(stop - start) // interval)

    def segment_body(segment, state, kept):
        begin = start + segment * interval
        kept = _write(kept, segment, state)
        end = tf.minimum(begin + interval, stop)
        return segment + 1, plain_scan(step, parameters, state, begin, end), kept

    _, final, kept = tf.while_loop(
        lambda segment, *_: segment < segments,
        segment_body,
        (tf.constant(0), state, _arrays(state, segments)),
    )
    return final, kept


def _run_back(step, parameters, kept, adjoint, start, stop, interval):
    def segment_body(segment, by_parameters, adjoint):
        begin = start + segment * interval
        end = tf.minimum(begin + interval, stop)
        states = _states(step, parameters, _read(kept, segment), begin, end)

        def body(index, by_parameters, adjoint):
            state = _read(states, index - begin)
            products, adjoint = _pull_back(step, parameters, state, index, adjoint)
            sums = [a + b for a, b in zip(by_parameters, products)]
            return index - 1, sums, adjoint

        _, by_parameters, adjoint = tf.while_loop(
            lambda index, *_: index >= begin, body, (end - 1, by_parameters, adjoint)
        )
        return segment - 1, by_parameters, adjoint

    segments = -(-(stop - start) // interval)
    _, by_parameters, adjoint = tf.while_loop(
        lambda segment, *_: segment >= 0,
        segment_body,
        (segments - 1, [tf.zeros_like(p) for p in parameters], adjoint),
    )
    return by_parameters, adjoint


def _states(step, parameters, state, begin, end):
    """Keeps the states before each of the steps begin to end."""
    states = _write(_arrays(state, end - begin), 0, state)

    def body(index, state, states):
        state = step(parameters, state, index)
        return index + 1, state, _write(states, index + 1 - begin, state)

    # The state after the last step is not needed, so that step is not run.
    _, _, states = tf.while_loop(
        lambda index, *_: index < end - 1, body, (begin, state, states)
    )
    return states


def _pull_back(step, parameters, state, index, adjoint):
    """The vector-Jacobian product of one step."""
    floats = [s for s in state if s.dtype.is_floating]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([parameters, floats])
        after = [s for s in step(parameters, state, index) if s.dtype.is_floating]
    products = tape.gradient(
        after,
        parameters + floats,
        output_gradients=adjoint,
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    products = [tf.convert_to_tensor(p) for p in products]
    return products[: len(parameters)], products[len(parameters) :]


def _arrays(state, size):
    return [
        tf.TensorArray(s.dtype, size, element_shape=s.shape, clear_after_read=False)
        for s in state
    ]


def _write(arrays, index, state):
    return [array.write(index, s) for array, s in zip(arrays, state)]


def _read(arrays, index):
    return [array.read(index) for array in arrays]
