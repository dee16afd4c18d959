"""Stops learning before a hypergradient that is not finite does harm."""

import contextlib

import tensorflow as tf

_MESSAGE = "The hypergradient is not finite."


class NonFiniteHypergradientError(ArithmeticError):
    """The hypergradient is NaN or infinite; the commentary is the last good one."""


def finite_norm(hypergradient):
    """The norm; fails, in a way that `explained` explains, if it is not finite."""
    norm = tf.linalg.global_norm(hypergradient)
    return tf.debugging.check_numerics(norm, _MESSAGE)


@contextlib.contextmanager
def explained(optimizer):
    """Turns the failure of `finite_norm` into one that says what to do.

    Args:
        optimizer: the outer optimizer, which counts outer steps.

    Raises:
        NonFiniteHypergradientError: if the code inside fails so.
    """
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        if _MESSAGE not in error.message:
            raise
        raise NonFiniteHypergradientError(
            f"{_MESSAGE} The commentary is as it was before outer step "
            f"{int(optimizer.iterations)}. Use fewer `inner_steps`, `truncate`, a "
            "smaller learning rate of the student, or Adam with a larger `eps_root`; "
            "and see whether the student's loss itself stays finite."
        ) from None
