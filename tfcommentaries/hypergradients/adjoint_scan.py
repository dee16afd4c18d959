"""A differentiable loop that keeps only its states."""

import tensorflow as tf


def adjoint_scan(step, parameters, inputs, state, start, stop, interval):
    """Repeats `state = step(parameters, inputs[index], state, index)`, differentiably.

    Backward, with `a_i` the adjoint of the state before step `i`:

        a_i              = a_{i+1} . d step / d state
        by inputs[i]     = a_{i+1} . d step / d inputs
        by parameters   += a_{i+1} . d step / d parameters

    Each product is taken with a fresh tape over one step, so nothing that a step
    computes is kept. States are kept at every `interval`-th step; those between
    are computed again, one interval at a time. Gradients of gradients are not
    supported.

    XLA compiles it if the number of steps is known, that is if `start`, `stop` and
    `interval` are Python integers.

    Args:
        step: a pure function `(parameters, inputs, state, index) -> state`.
        parameters: list of float tensors that every step sees.
        inputs: list of float tensors with a leading axis of steps.
        state: list of tensors; entries that are not floats (seeds, counters) are
            carried and not differentiated.
        start: integer or integer scalar, index of the first step.
        stop: likewise, one after the index of the last step.
        interval: likewise, at least 1.

    Returns:
        The state after the last step, a list of tensors. Gradients flow to
        `parameters`, `inputs` and `state`.
    """
    counts = len(parameters), len(parameters) + len(inputs)

    @tf.custom_gradient
    def scan(*arguments):
        loop = _Loop(
            step,
            list(arguments[: counts[0]]),
            list(arguments[counts[0] : counts[1]]),
            start,
            stop,
            interval,
        )
        state = list(arguments[counts[1] :])
        final, kept = loop.run_keeping(state)

        def gradient(*upstream):
            adjoint = [
                tf.convert_to_tensor(a)
                for a, s in zip(upstream, final)
                if s.dtype.is_floating
            ]
            by_parameters, by_inputs, adjoint = loop.run_back(kept, adjoint)
            adjoint = iter(adjoint)
            by_state = [next(adjoint) if s.dtype.is_floating else None for s in state]
            return (*by_parameters, *by_inputs, *by_state)

        return tuple(final), gradient

    return list(scan(*parameters, *inputs, *state))


def plain_scan(step, parameters, inputs, state, start, stop, most=None):
    """The same loop, which keeps nothing; arguments as for `adjoint_scan`.

    One tape over this loop also gives the gradient, and keeps every activation:
    the reference that `adjoint_scan` is tested against. XLA compiles that gradient
    if `most`, the largest number of steps, is known: by default if `start` and `stop`
    are Python integers.
    """
    if most is None:
        most = stop - start

    def body(index, state):
        here = [x[index] for x in inputs]
        return index + 1, step(parameters, here, state, index)

    _, state = tf.while_loop(
        lambda index, _: index < stop,
        body,
        (tf.convert_to_tensor(start), list(state)),
        maximum_iterations=_known(most),
    )
    return state


def _known(number):
    """A number of iterations, or `None` if it is a tensor.

    XLA needs it for the gradient of a loop and for what the loop keeps.
    """
    return number if isinstance(number, int) else None


class _Loop:
    """The loops of one `adjoint_scan`; arguments as there."""

    def __init__(self, step, parameters, inputs, start, stop, interval):
        self.step = step
        self.parameters = parameters
        self.inputs = inputs
        self.start = start
        self.stop = stop
        if isinstance(stop - start, int) and isinstance(interval, int):
            interval = max(1, min(interval, stop - start))
        self.interval = interval
        self.segments = -(-(stop - start) // interval)

    def run_keeping(self, state):
        """Runs the steps; also returns the state before every interval-th one."""

        def body(segment, state, kept):
            begin, end = self._bounds(segment)
            kept = _write(kept, segment, state)
            state = plain_scan(
                self.step,
                self.parameters,
                self.inputs,
                state,
                begin,
                end,
                self.interval,
            )
            return segment + 1, state, kept

        _, final, kept = tf.while_loop(
            lambda segment, *_: segment < self.segments,
            body,
            (tf.constant(0), state, _arrays(state, self.segments)),
            maximum_iterations=_known(self.segments),
        )
        return final, kept

    def run_back(self, kept, adjoint):
        """The adjoint scan; returns gradients by parameters, inputs and state."""

        def segment_body(segment, by_parameters, by_inputs, adjoint):
            begin, end = self._bounds(segment)
            states = self._states(_read(kept, segment), begin, end)

            def body(index, by_parameters, by_inputs, adjoint):
                state = _read(states, index - begin)
                products, here, adjoint = self._pull_back(state, index, adjoint)
                by_parameters = [a + b for a, b in zip(by_parameters, products)]
                by_inputs = _write(by_inputs, index - self.start, here)
                return index - 1, by_parameters, by_inputs, adjoint

            _, *sums = tf.while_loop(
                lambda index, *_: index >= begin,
                body,
                (end - 1, by_parameters, by_inputs, adjoint),
                parallel_iterations=1,
                maximum_iterations=_known(self.interval),
            )
            return segment - 1, *sums

        # Running steps again does not wait for adjoints: by TensorFlow's default, ten
        # iterations of both loops would be in memory at once, and no faster.
        by_parameters = [tf.zeros_like(p) for p in self.parameters]
        by_inputs = _arrays([x[0] for x in self.inputs], self.stop - self.start)
        last = tf.convert_to_tensor(self.segments - 1)
        _, by_parameters, by_inputs, adjoint = tf.while_loop(
            lambda segment, *_: segment >= 0,
            segment_body,
            (last, by_parameters, by_inputs, adjoint),
            parallel_iterations=1,
            maximum_iterations=_known(self.segments),
        )
        return by_parameters, self._whole(by_inputs), adjoint

    def _bounds(self, segment):
        begin = self.start + segment * self.interval
        return begin, tf.minimum(begin + self.interval, self.stop)

    def _states(self, state, begin, end):
        """Keeps the states before each of the steps begin to end."""
        states = _write(_arrays(state, self.interval), 0, state)
        if isinstance(self.interval, int) and self.interval == 1:
            return states

        def body(index, state, states):
            here = [x[index] for x in self.inputs]
            state = self.step(self.parameters, here, state, index)
            return index + 1, state, _write(states, index + 1 - begin, state)

        # The state after the last step is not needed, so that step is not run.
        _, _, states = tf.while_loop(
            lambda index, *_: index < end - 1,
            body,
            (begin, state, states),
            maximum_iterations=_known(self.interval),
        )
        return states

    def _pull_back(self, state, index, adjoint):
        """The vector-Jacobian product of one step."""
        floats = [s for s in state if s.dtype.is_floating]
        here = [x[index] for x in self.inputs]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([self.parameters, here, floats])
            after = self.step(self.parameters, here, state, index)
            after = [s for s in after if s.dtype.is_floating]
        products = tape.gradient(
            after,
            [self.parameters, here, floats],
            output_gradients=adjoint,
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return [[tf.convert_to_tensor(p) for p in part] for part in products]

    def _whole(self, arrays):
        """Stacks what the steps gave; steps outside `start` to `stop` get zeros."""
        whole = []
        for array, x in zip(arrays, self.inputs):
            before = tf.zeros_like(x[: self.start])
            after = tf.zeros_like(x[self.stop :])
            stacked = tf.reshape(array.stack(), tf.shape(x[self.start : self.stop]))
            whole.append(tf.concat([before, stacked, after], 0))
        return whole


def _arrays(state, size):
    return [
        tf.TensorArray(s.dtype, size, element_shape=s.shape, clear_after_read=False)
        for s in state
    ]


def _write(arrays, index, state):
    return [array.write(index, s) for array, s in zip(arrays, state)]


def _read(arrays, index):
    return [array.read(index) for array in arrays]
