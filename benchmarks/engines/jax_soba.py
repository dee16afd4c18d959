"""SOBA on data cleaning, in JAX; run by ../data_cleaning.py.

Written from the paper: M. Dagréou, P. Ablin, S. Vaiter and T. Moreau, "A framework for
bilevel optimization that enables stochastic and global variance reduction algorithms"
(NeurIPS 2022). With inner loss g(z, x), outer loss f(z) and batches of both, at once

    z -= r dg/dz        v -= r (d2g/dz2 v - df/dz)        x += s d2g/dxdz v

so that v follows the solution of the linear system, and is never solved for.
"""

import json
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.harness import seconds_of

#: Steps between two looks at the clock.
CHUNK = 256
#: r and s are these over the root of the step: those chosen in benchopt's benchmark.
RATE, OUTER_RATE = 1.0, 10_000.0


def cross_entropies(z, x, y):
    """Of each example."""
    return -jnp.take_along_axis(jax.nn.log_softmax(x @ z), y[:, None], 1)[:, 0]


def inner_loss(z, logits, x, y, penalty):
    """Weighted losses, and the penalty."""
    losses = jax.nn.sigmoid(logits) * cross_entropies(z, x, y)
    return losses.mean() + penalty * (z**2).sum()


def make_chunk(data, batch, penalty):
    """A compiled function from a state to that after `CHUNK` steps."""
    x, y, x_checked, y_checked = (
        jnp.asarray(data[name]) for name in ("x", "y", "x_checked", "y_checked")
    )

    def step(state, _):
        z, v, logits, key, number = state
        key, *keys = jax.random.split(key, 3)
        rows = jax.random.randint(keys[0], [batch], 0, len(y))
        checked = jax.random.randint(keys[1], [batch], 0, len(y_checked))

        def inner_gradient(z, some):
            return jax.grad(inner_loss)(z, some, x[rows], y[rows], penalty)

        def outer_loss(z):
            return cross_entropies(z, x_checked[checked], y_checked[checked]).mean()

        gradient, back = jax.vjp(inner_gradient, z, logits[rows])
        # The Hessian is symmetric: both products are one pass.
        product, cross = back(v)
        root = jnp.sqrt(number)
        z, v = (
            z - RATE / root * gradient,
            v - RATE / root * (product - jax.grad(outer_loss)(z)),
        )
        logits = logits.at[rows].add(OUTER_RATE / root * cross)
        return (z, v, logits, key, number + 1), None

    return jax.jit(lambda state: jax.lax.scan(step, state, length=CHUNK)[0])


def run(data, seed, batch, classes, penalty, logit, marks):
    """What `data_cleaning.learn_in_fit` gives."""
    chunk = make_chunk(data, batch, penalty)
    z = jnp.zeros([data["x"].shape[1], classes])
    logits = jnp.full([len(data["y"])], logit)
    state = z, z, logits, jax.random.key(seed), 1.0
    first = seconds_of(lambda: jax.block_until_ready(chunk(state)))
    errors, seconds, steps = [], 0.0, 0
    for mark in marks:
        while seconds < mark:
            began = time.perf_counter()
            state = jax.block_until_ready(chunk(state))
            seconds += time.perf_counter() - began
            steps += CHUNK
        found = (data["x_test"] @ np.asarray(state[0])).argmax(1)
        errors.append(float((found != data["y_test"]).mean()))
    return {"first": first, "rate": steps / seconds, "errors": errors}


def main(source, seed, batch, classes, penalty, logit, *marks):
    """Prints what `run` gives."""
    data = dict(np.load(source))
    numbers = int(batch), int(classes), float(penalty), float(logit)
    print("\n" + json.dumps(run(data, int(seed), *numbers, [*map(float, marks)])))


if __name__ == "__main__":
    main(*sys.argv[1:])
