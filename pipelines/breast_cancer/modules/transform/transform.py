"""`preprocessing_fn` for Transform."""

import tensorflow as tf
import tensorflow_transform as tft

LABEL = "benign"


def preprocessing_fn(inputs):
    """Standardizes numbers by mean and standard deviation; keeps the label."""
    outputs = {
        name: tft.scale_to_z_score(values)
        for name, values in inputs.items()
        if name != LABEL
    }
    outputs[LABEL] = tf.cast(inputs[LABEL], tf.int64)
    return outputs
