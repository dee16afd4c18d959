"""Keras's masks of outputs, which leave loops only as tensors of their own."""

import tensorflow as tf


def with_masks(outputs):
    """Gives outputs, a structure of tensors, and their masks, a dict by position."""
    masks = {
        number: output._keras_mask
        for number, output in enumerate(tf.nest.flatten(outputs))
        if getattr(output, "_keras_mask", None) is not None
    }
    return outputs, masks


def masked(outputs, masks):
    """Outputs with masks from `with_masks` on them, for losses and metrics."""
    for number, output in enumerate(tf.nest.flatten(outputs)):
        if number in masks:
            output._keras_mask = masks[number]
    return outputs
