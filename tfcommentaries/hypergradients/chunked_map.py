"""A map over examples whose memory does not grow with their number."""

import tensorflow as tf


def chunked_map(function, parameters, inputs, chunk):
    """Gives `function(parameters, inputs)`, some examples at a time.

    Backward, each chunk is computed again under its own tape, so only the activations
    of one chunk exist at a time. Gradients of gradients are not supported.

    Args:
        function: pure, `(parameters, inputs) -> tensor (examples, ...)`, which
            treats each example on its own. Variables that it reads, those of frozen
            layers, get no gradient.
        parameters: list of float tensors.
        inputs: list of tensors with a leading axis of examples.
        chunk: integer, examples at a time; `None` takes all at once.

    Returns:
        A tensor `(examples, ...)`. Gradients flow to `parameters`.
    """
    total = inputs[0].shape[0]
    if total is None:
        total = tf.shape(inputs[0])[0]
    count = 1 if chunk is None else -(-total // chunk)
    # Traced once, as the first chunk, in the loop and in that of the derivative.
    function = tf.function(function, autograph=False)
    if isinstance(count, int) and count <= 1:
        return function(_with_dense_gradients(parameters), inputs)
    # All have one size, as XLA needs: the last is filled up with the last example.
    chunk = -(-total // count)

    def part(tensor, i):
        index = i * chunk + tf.range(chunk)
        return tf.gather(tensor, tf.minimum(index, total - 1))

    @tf.custom_gradient
    def mapped(*parameters):
        parameters = list(parameters)

        def chunk_of(i):
            return function(parameters, [part(x, i) for x in inputs])

        first = chunk_of(0)
        # Chunks in parallel, TensorFlow's default, would take the memory of all.
        _, array = tf.while_loop(
            lambda i, _: i < count,
            lambda i, array: (i + 1, array.write(i, chunk_of(i))),
            (1, tf.TensorArray(first.dtype, count).write(0, first)),
            parallel_iterations=1,
        )
        shape = tf.shape(first)[1:]
        whole = tf.reshape(array.stack(), tf.concat([[count * chunk], shape], 0))
        whole = tf.ensure_shape(whole[:total], [inputs[0].shape[0], *first.shape[1:]])

        def gradient(upstream, variables=()):
            rest = tf.zeros(tf.concat([[count * chunk - total], shape], 0), first.dtype)
            upstream = tf.concat([upstream, rest], 0)
            upstream = tf.reshape(upstream, tf.concat([[count, chunk], shape], 0))

            def body(i, sums):
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(parameters)
                    value = chunk_of(i)
                found = tape.gradient(
                    value,
                    parameters,
                    output_gradients=upstream[i],
                    unconnected_gradients=tf.UnconnectedGradients.ZERO,
                )
                return i + 1, [s + tf.convert_to_tensor(g) for s, g in zip(sums, found)]

            sums = [tf.zeros_like(p) for p in parameters]
            _, sums = tf.while_loop(
                lambda i, _: i < count, body, (0, sums), parallel_iterations=1
            )
            return (sums, [None] * len(variables)) if variables else sums

        return whole, gradient

    return mapped(*parameters)


def _with_dense_gradients(tensors):
    """The same tensors; gradients of tables, which come as slices, are made dense."""

    @tf.custom_gradient
    def identity(*tensors):
        return tuple(map(tf.identity, tensors)), lambda *slopes: tuple(
            map(tf.convert_to_tensor, slopes)
        )

    return list(identity(*tensors)) if tensors else []
