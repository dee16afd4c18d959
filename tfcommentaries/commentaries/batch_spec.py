"""What inputs a commentary was made for."""

import keras
import tensorflow as tf


def spec_of(structure):
    """Specs of a structure of tensors or arrays, with a free batch axis."""

    def spec(tensor):
        tensor = tensor if hasattr(tensor, "dtype") else tf.convert_to_tensor(tensor)
        shape = tf.TensorShape(tensor.shape)
        shape = tf.TensorShape([None]).concatenate(shape[1:]) if shape.rank else shape
        return tf.TensorSpec(shape, keras.backend.standardize_dtype(tensor.dtype))

    return tf.nest.map_structure(spec, structure)


def check_spec(expected, x, name):
    """Raises a `ValueError` if inputs are not those that a commentary was made for.

    Args:
        expected: from `spec_of`. Inputs in a dict may have more entries.
        x: inputs, a tensor or a structure of such.
        name: of the commentary.
    """
    came = spec_of(x)
    shapes = [[s.shape for s in tf.nest.flatten(spec)] for spec in (expected, came)]
    same = type(expected) is type(came) and len(shapes[0]) == len(shapes[1])
    if isinstance(expected, dict) and isinstance(came, dict):
        same = set(expected) <= set(came)
        shapes[1] = [came[k].shape for k in sorted(expected)] if same else []
    if not same or not all(a.is_compatible_with(b) for a, b in zip(*shapes)):
        raise ValueError(
            f"The commentary {name!r} was made for inputs {_show(expected)}, but got "
            f"{_show(came)}. Give it the inputs that it was learned on, or learn a "
            "commentary for these."
        )


def _show(spec):
    if isinstance(spec, dict):
        return {key: tuple(s.shape) for key, s in spec.items()}
    return [tuple(s.shape) for s in tf.nest.flatten(spec)]
