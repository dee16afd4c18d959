"""Networks and tables inside a commentary.

None of them holds batch statistics: what a teacher says of an example must not
depend on the other examples of its batch, nor differ between learning and
serving.
"""

import keras
import tensorflow as tf
from keras import layers

from tfcommentaries.commentaries.index_check import checked_index


def default(input_shape):
    """Makes a small teacher that fits the inputs.

    Args:
        input_shape: shape of what the teacher sees, batch axis first:
            `(batch, height, width, channels)` gives `cbr`, everything else `mlp`.

    Returns:
        A built `keras.Model` with one output `(batch, 1)`.
    """
    if len(input_shape) == 4:
        return cbr(input_shape[1:])
    return mlp(input_shape[1:])


def cbr(input_shape, outputs=1, filters=(32, 64), dtype="float32"):
    """The paper's two-block convolutional network.

    Each block is a convolution with stride 2 (5x5, then 3x3), normalisation,
    ReLU and, for images larger than 16 pixels, a 3x3 max-pool with stride 2. The
    normalisation is over all of one example instead of the
    paper's batch normalisation (see the module's text).

    Args:
        input_shape: `(height, width, channels)`, conditions included.
        outputs: number of logits.
        filters: number of filters of each block.
        dtype: dtype or policy, whatever the global policy is.

    Returns:
        A built `keras.Model` from `(batch, height, width, channels)` to
        `(batch, outputs)`. The last layer starts at zero, so that learning
        starts from equal weights.
    """
    x = inputs = keras.Input(input_shape, dtype=dtype)
    for kernel_size, width in zip((5,) + (3,) * len(filters), filters):
        x = layers.Conv2D(
            width,
            kernel_size,
            strides=2,
            padding="same",
            use_bias=False,
            dtype=dtype,
        )(x)
        x = layers.GroupNormalization(groups=1, dtype=dtype)(x)
        x = layers.ReLU(dtype=dtype)(x)
        if min(input_shape[:2]) > 16:
            x = layers.MaxPooling2D(3, strides=2, padding="same", dtype=dtype)(x)
    x = layers.Flatten(dtype=dtype)(x)
    x = layers.Dense(outputs, kernel_initializer="zeros", dtype=dtype)(x)
    return keras.Model(inputs, x, name="cbr_teacher")


def mlp(input_shape, outputs=1, units=(128, 64), dtype="float32"):
    """A multi-layer perceptron for vectors.

    Args:
        input_shape: shape of one example, conditions included; flattened.
        outputs: number of logits.
        units: width of each hidden layer.
        dtype: dtype or policy, whatever the global policy is.

    Returns:
        A built `keras.Model` from `(batch,) + input_shape` to
        `(batch, outputs)`. The last layer starts at zero.
    """
    x = inputs = keras.Input(input_shape, dtype=dtype)
    x = layers.Flatten(dtype=dtype)(x)
    for width in units:
        x = layers.Dense(width, activation="relu", dtype=dtype)(x)
    x = layers.Dense(outputs, kernel_initializer="zeros", dtype=dtype)(x)
    return keras.Model(inputs, x, name="mlp_teacher")


@keras.saving.register_keras_serializable(package="tfcommentaries")
class Table(layers.Layer):
    """One free logit per example id: a commentary without a network.

    A table knows only the examples that it was learned on. Use it to find
    mislabelled examples or to keep weights with a data set, and a network to
    teach with examples that were not seen.

    Example:

    >>> weighting = ExampleWeighting(
    ...     Table(50_000), curriculum=False,
    ...     teacher_key="id", student_key="image")
    >>> weights = weighting({"id": ids, "image": images})

    Args:
        num_examples: number of ids; ids are integers from 0.
        initial_logit: where every entry starts. Defaults to 0, weight 0.5.
        **kwargs: arguments of `keras.layers.Layer`.
    """

    def __init__(self, num_examples, initial_logit=0.0, **kwargs):
        super().__init__(**kwargs)
        if num_examples < 1:
            raise ValueError(
                "`num_examples` must be at least 1. "
                f"Received: num_examples={num_examples}"
            )
        self.num_examples = num_examples
        self.initial_logit = initial_logit
        self.logits = self.add_weight(
            name="logits",
            shape=(num_examples,),
            initializer=keras.initializers.Constant(initial_logit),
        )

    def call(self, ids):
        """Looks up ids `(batch,)`; returns logits `(batch,)`."""
        ids = checked_index(
            ids,
            self.num_examples,
            f"This table holds {self.num_examples} examples but got an id outside 0 to "
            f"{self.num_examples - 1}. Number the examples from 0, or learn a table "
            "for this data set.",
        )
        return tf.gather(tf.convert_to_tensor(self.logits), ids)

    def get_config(self):
        config = super().get_config()
        config.update(num_examples=self.num_examples, initial_logit=self.initial_logit)
        return config
