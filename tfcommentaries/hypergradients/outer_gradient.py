"""The gradient of an outer loss by what is learned."""

import tensorflow as tf


def outer_gradient(measure, values, loss_scale=1.0):
    """Differentiates an outer loss.

    Args:
        measure: function without arguments that gives `(loss, *others)`, the loss a
            scalar that depends on the values.
        values: list of tensors.
        loss_scale: `FunctionalStudent.loss_scale`, so that half precision does not
            underflow.

    Returns:
        `(loss, gradients, *others)`: dense tensors, zeros for values on which the loss
        does not depend.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        loss, *others = measure()
        scaled = loss if loss_scale == 1 else loss * loss_scale
    gradients = tape.gradient(
        scaled, values, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    gradients = [tf.convert_to_tensor(g) for g in gradients]
    if loss_scale != 1:
        gradients = [g / loss_scale for g in gradients]
    return loss, gradients, *others
