"""A teacher without a network."""

import types
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfcommentaries.typing import Config, NameOptions, Tensors, Unpack
from tfcommentaries.upstream.index_check import checked_index


@keras.saving.register_keras_serializable(package="tfcommentaries")
class Table(layers.Layer):
    """Free logits for each example id: a commentary without a network.

    A table knows only the examples of its training. Use it to find mislabelled examples
    or to keep weights with a data set; use a network for new examples.

    Example:

    >>> weighting = ExampleWeighting(
    ...     Table(50_000), teacher_key="id", student_key="image")
    >>> weights = weighting({"id": ids, "image": images})

    Args:
        num_examples: number of ids; ids are integers from 0.
        initial_logit: initial value of every entry. Defaults to 0, a weight of 0.5.
        outputs: logits per example.
        dtype: dtype or policy, whatever the global policy is.
        **kwargs: other arguments of `keras.layers.Layer`.
    """

    suggested = types.MappingProxyType(
        {"learning_rate": 0.3, "warmup": 20, "steps": None}
    )

    def __init__(
        self,
        num_examples: int,
        initial_logit: float = 0.0,
        outputs: int = 1,
        dtype: Any = "float32",
        **kwargs: Unpack[NameOptions],
    ) -> None:
        super().__init__(dtype=dtype, **kwargs)
        if num_examples < 1:
            raise ValueError(
                "`num_examples` must be at least 1. "
                f"Received: num_examples={num_examples}"
            )
        self.num_examples = num_examples
        self.initial_logit = initial_logit
        self.outputs = outputs
        self.logits = self.add_weight(
            name="logits",
            shape=(num_examples,) if outputs == 1 else (num_examples, outputs),
            initializer=keras.initializers.Constant(initial_logit),
        )

    def call(self, ids: Tensors) -> tf.Tensor:
        """Looks up ids `(batch,)`; gives logits `(batch,)` or `(batch, outputs)`."""
        ids = checked_index(
            ids,
            self.num_examples,
            f"This table holds {self.num_examples} examples but got an id outside 0 to "
            f"{self.num_examples - 1}. Number the examples from 0, or learn a table "
            "for this data set.",
        )
        return tf.gather(tf.convert_to_tensor(self.logits), ids)

    def get_config(self) -> Config:
        config = super().get_config()
        config.update(
            num_examples=self.num_examples,
            initial_logit=self.initial_logit,
            outputs=self.outputs,
        )
        return config
