"""A map over examples whose memory does not grow with their number."""

import tensorflow as tf


def chunked_map(function, parameters, inputs, chunk):
    """Gives `function(parameters, inputs)`, some examples at a time.

    Backward, each chunk is computed again under a tape of its own, so activations
    of one chunk at a time exist. Gradients of gradients are not supported.

    Args:
        function: pure, `(parameters, inputs) -> tensor (examples, ...)`, which
            treats each example by itself. Variables that it reads, those of frozen
            layers, get no gradient.
        parameters: list of float tensors.
        inputs: list of tensors with a leading axis of examples.
        chunk: integer, examples at a time.

    Returns:
        A tensor `(examples, ...)`. Gradients flow to `parameters`.
    """
    # Chunks in parallel, TensorFlow's default, would take the memory of all of them.
    total = tf.shape(inputs[0])[0]
    count = -(-total // chunk)

    def part(tensor, i):
        return tensor[i * chunk : (i + 1) * chunk]

    @tf.custom_gradient
    def mapped(*parameters):
        parameters = list(parameters)
        first = function(parameters, [part(x, 0) for x in inputs])
        array = tf.TensorArray(
            first.dtype,
            count,
            element_shape=[None, *first.shape[1:]],
            infer_shape=False,
        )
        _, array = tf.while_loop(
            lambda i, _: i < count,
            lambda i, array: (
                i + 1,
                array.write(i, function(parameters, [part(x, i) for x in inputs])),
            ),
            (1, array.write(0, first)),
            parallel_iterations=1,
        )

        def gradient(upstream, variables=()):
            def body(i, sums):
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(parameters)
                    value = function(parameters, [part(x, i) for x in inputs])
                found = tape.gradient(
                    value,
                    parameters,
                    output_gradients=part(upstream, i),
                    unconnected_gradients=tf.UnconnectedGradients.ZERO,
                )
                return i + 1, [s + tf.convert_to_tensor(g) for s, g in zip(sums, found)]

            sums = [tf.zeros_like(p) for p in parameters]
            _, sums = tf.while_loop(
                lambda i, _: i < count, body, (0, sums), parallel_iterations=1
            )
            return (sums, [None] * len(variables)) if variables else sums

        return array.concat(), gradient

    return mapped(*parameters)
