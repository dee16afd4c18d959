"""Changes a commentary by a hypergradient, and stops at one that is not finite."""

import contextlib

import tensorflow as tf

_MESSAGE = "The hypergradient is not finite."


class NonFiniteHypergradientError(ArithmeticError):
    """The hypergradient is NaN or infinite; the commentary is the last good one."""


def apply_hypergradient(optimizer, hypergradient, variables, message=_MESSAGE):
    """Makes an outer step. Called on a replica.

    Args:
        optimizer: the outer Keras optimizer, built.
        hypergradient: dense tensors, one per variable, the mean over all replicas.
        variables: what is learned.
        message: of the failure where the hypergradient is not finite, in which case
            the variables stay; `explained` explains the default.

    Returns:
        The norm of the hypergradient.
    """
    norm = tf.linalg.global_norm(hypergradient)
    norm = tf.debugging.check_numerics(norm, message)
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    with tf.control_dependencies([norm]):
        # The optimizer adds up what the replicas give. One that scales losses divides
        # by its scale.
        hypergradient = [optimizer.scale_loss(g / replicas) for g in hypergradient]
    optimizer.apply(hypergradient, variables)
    return norm


@contextlib.contextmanager
def explained(optimizer):
    """Turns the failure of `apply_hypergradient` into one that says what to do.

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
        step = int(tf.convert_to_tensor(optimizer.iterations))
        raise NonFiniteHypergradientError(
            f"{_MESSAGE} The commentary is as it was before outer step {step}. "
            "Use fewer `inner_steps`, `truncate`, a smaller learning rate of the "
            "student, or Adam with a larger `eps_root`; and see whether the student's "
            "loss itself stays finite."
        ) from None
