"""Updates a commentary by a hypergradient, and stops at one that is not finite."""

import keras
import numpy as np
import tensorflow as tf

LEARNER_MEND = (
    "Use fewer `inner_steps`, `truncate`, a smaller learning rate of the student, or "
    "Adam with a larger `eps_root`; and check that the student's loss itself stays "
    "finite."
)


class NonFiniteHypergradientError(ArithmeticError):
    """The hypergradient is NaN or infinite; the commentary stays as before it."""


def apply_hypergradient(optimizer, hypergradient, variables):
    """Makes an outer step. Called on a replica.

    Args:
        optimizer: the outer Keras optimizer, built.
        hypergradient: dense tensors, one per variable, the mean over all replicas.
        variables: what is learned.

    Returns:
        The norm of the hypergradient, which the logs call `hypergradient_norm`.
    """
    norm = tf.linalg.global_norm(hypergradient)
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    # The optimizer adds up the gradients of the replicas. One that scales losses
    # divides by its scale.
    hypergradient = [optimizer.scale_loss(g / replicas) for g in hypergradient]
    optimizer.apply(hypergradient, variables)
    return norm


class StopAtNonFinite(keras.callbacks.Callback):
    """Stops `fit` after a hypergradient that is not finite, and undoes its step.

    The check is not in the graph, where XLA leaves out checks.

    Args:
        optimizer: the outer optimizer, built, which counts outer steps.
        variables: what is learned, or a part of it.
        mend: what to do about it, for the error.

    Raises:
        NonFiniteHypergradientError: from `fit`, if the logged `hypergradient_norm` is
            NaN or infinite.
    """

    def __init__(self, optimizer, variables, mend=LEARNER_MEND):
        super().__init__()
        self._optimizer = optimizer
        # The optimizer's slots would make the next step wrong.
        self._variables = [*variables, *optimizer.variables]
        self._mend = mend
        self._before = []

    def on_train_batch_begin(self, batch, logs=None):
        self._before = [tf.convert_to_tensor(v) for v in self._variables]

    def on_train_batch_end(self, batch, logs=None):
        if np.all(np.isfinite(logs["hypergradient_norm"])):
            return
        for variable, value in zip(self._variables, self._before):
            variable.assign(value)
        step = int(tf.convert_to_tensor(self._optimizer.iterations))
        raise NonFiniteHypergradientError(
            "The hypergradient is not finite. The commentary is as it was before outer "
            f"step {step}. {self._mend}"
        )
