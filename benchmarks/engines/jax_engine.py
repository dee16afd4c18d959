"""JAX: scan with checkpointed steps, and optax."""

import jax
import jax.numpy as jnp
import optax
from jax import lax

from benchmarks import problem as numbers

jax.config.update("jax_default_matmul_precision", "highest")


def gpu_mb():
    """Peak of the GPU's memory that arrays took, or None without one."""
    device = jax.devices()[0]
    if device.platform != "gpu":
        return None
    return device.memory_stats()["peak_bytes_in_use"] / 2**20


def normalise(x, axes):
    """Mean 0 and variance 1 over axes."""
    mean = x.mean(axes, keepdims=True)
    variance = ((x - mean) ** 2).mean(axes, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + numbers.NORM_EPSILON)


def net(weights, x, axes):
    """The net of `benchmarks.problem`; running statistics are not needed."""
    if weights[0].ndim == 2:
        *hidden, kernel, bias = weights
        for w, b in zip(hidden[::2], hidden[1::2]):
            x = jax.nn.relu(x @ w + b)
        return x @ kernel + bias
    for kernel, scale, shift in (weights[:3], weights[3:6]):
        x = lax.conv_general_dilated(
            x, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        x = jax.nn.relu(normalise(x, axes) * scale + shift)
        x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "SAME")
    return x.reshape(len(x), -1) @ weights[6] + weights[7]


def transformer(weights, words):
    """The student of words of `benchmarks.problem`."""
    embedding, *block, kernel, bias = weights
    scale_1, shift_1, q, q0, k, k0, v, v0, o, o0, scale_2, shift_2, *dense = block
    x = embedding[words]
    seen = normalise(x, (2,)) * scale_1 + shift_1
    query, key, value = (
        jnp.einsum("bte,ehd->bthd", seen, w) + b for w, b in ((q, q0), (k, k0), (v, v0))
    )
    scores = jnp.einsum("bthd,bshd->bhts", query, key) / jnp.sqrt(q.shape[-1])
    attended = jnp.einsum("bhts,bshd->bthd", jax.nn.softmax(scores), value)
    x = x + jnp.einsum("bthd,hde->bte", attended, o) + o0
    seen = normalise(x, (2,)) * scale_2 + shift_2
    x = x + jax.nn.relu(seen @ dense[0] + dense[1]) @ dense[2] + dense[3]
    return x.mean(1) @ kernel + bias


def teacher_of_words(weights, words, progress):
    """Its teacher."""
    embedding, *dense = weights
    pooled = embedding[words].mean(1)
    seen = jnp.concatenate([pooled, jnp.full_like(pooled[:, :1], progress)], -1)
    return jax.nn.relu(seen @ dense[0] + dense[1]) @ dense[2] + dense[3]


def prepare(problem, estimator):
    """Gives a function that runs once and returns NumPy arrays.

    Args:
        problem: from `benchmarks.problem.make`.
        estimator: `"plain"`: training without commentary; `"scan"`. `":momentum"`
            behind it takes that optimizer for the comparison: where Adam adds its
            epsilon, Keras and higher have one formula, optax and TorchOpt another.
    """
    estimator, _, check = estimator.partition(":")
    x, y = jnp.array(problem["x"]), jnp.array(problem["y"])
    x_val, y_val = jnp.array(problem["x_val"]), jnp.array(problem["y_val"])
    student, teacher = (
        [jnp.array(w) for w in numbers.weights(problem, name)]
        for name in ("student", "teacher")
    )
    if check == "momentum":
        optimizer = optax.sgd(numbers.LEARNING_RATE, numbers.MOMENTUM)
    else:
        optimizer = optax.adam(
            numbers.LEARNING_RATE, eps=numbers.EPSILON, eps_root=numbers.EPSILON**2
        )
    steps = len(y)

    of_words = x.dtype == jnp.int32

    def losses(weights, x, y):
        logits = transformer(weights, x) if of_words else net(weights, x, (0, 1, 2))
        return optax.softmax_cross_entropy_with_integer_labels(logits, y)

    def train(phi, student):
        def step(state, data):
            weights, slots = state
            x, y, progress = data

            def loss(weights):
                found = losses(weights, x, y)
                if phi is None:
                    return found.mean()
                if of_words:
                    logits = teacher_of_words(phi, x, progress)
                else:
                    channel = jnp.full_like(x[..., :1], progress)
                    logits = net(phi, jnp.concatenate([x, channel], -1), (1, 2, 3))
                annotation = jax.nn.sigmoid(logits[:, 0])
                return (found * annotation / annotation.mean()).mean()

            updates, slots = optimizer.update(jax.grad(loss)(weights), slots)
            return (optax.apply_updates(weights, updates), slots), None

        state = student, optimizer.init(student)
        data = x, y, jnp.arange(steps) / steps
        (weights, _), _ = lax.scan(jax.checkpoint(step), state, data)
        return weights

    def outer(phi, student):
        return losses(train(phi, student), x_val, y_val).mean()

    if estimator == "plain":
        compiled = jax.jit(lambda student: train(None, student))
        return lambda: [jax.device_get(w) for w in compiled(student)]
    compiled = jax.jit(jax.grad(outer))
    return lambda: [jax.device_get(g) for g in compiled(teacher, student)]
