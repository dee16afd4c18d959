"""Commentaries that learn nothing, as baselines for learned ones."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.commentaries.example_weighting import ExampleWeighting
from tfcommentaries.commentaries.weighting import Weighting
from tfcommentaries.typing import Config, LayerOptions, Self, Shapes, Tensors, Unpack


@keras.saving.register_keras_serializable(package="tfcommentaries")
class ConstantWeighting(Weighting):
    """The same weight for every example.

    With the mean of a learned weighting, it shows how much of a gain comes from the
    size of the weights, which acts as a step size, instead of their differences.

    Args:
        weight: the weight.
        normalize: as for `ExampleWeighting`.
        **kwargs: arguments of `Commentary`.
    """

    kind = "constant_weighting"
    description = "nothing: one weight for all examples"
    needs = ("weight",)

    def __init__(
        self,
        weight: float,
        normalize: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(normalize=normalize, **kwargs)
        self.weight = weight

    def call(
        self, x: Tensors, y: Tensors = None, progress: Tensors = None
    ) -> tf.Tensor:
        """Gives `weight` for each example, `(batch,)`."""
        batch = tf.shape(tf.nest.flatten(x)[0])[0]
        return tf.fill([batch], tf.cast(self.weight, self.compute_dtype))

    def get_config(self) -> Config:
        return {**super().get_config(), "weight": self.weight}


@keras.saving.register_keras_serializable(package="tfcommentaries")
class RandomWeighting(ConstantWeighting):
    """Random weights, drawn anew for every training batch.

    Keras's seed generators do not advance in the pure functions of learners: in a
    `FewShotLearner`, every task gets the same weights.

    Args:
        weight: mean of the weights, which are uniform between 0 and twice that.
        seed: seed of the draws.
        **kwargs: arguments of `Commentary`.
    """

    kind = "random_weighting"
    description = "nothing: random weights"

    def __init__(
        self, weight: float = 1.0, seed: int = 0, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(weight, **kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(
        self, x: Tensors, y: Tensors = None, progress: Tensors = None
    ) -> tf.Tensor:
        """Gives a weight for each example, `(batch,)`."""
        mean = super().call(x, y, progress)
        share = keras.random.uniform(
            tf.shape(mean), dtype=mean.dtype, seed=self.seed_generator
        )
        return 2 * mean * share

    def get_config(self) -> Config:
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable(package="tfcommentaries")
class ShuffledWeighting(ExampleWeighting):
    """Gives each example the learned weight of another example of the batch.

    This keeps the distribution of the weights and removes their meaning.

    Args:
        weighting: an `ExampleWeighting`.
        seed: seed of the shuffling.
        **kwargs: arguments of `Commentary`.
    """

    kind = "shuffled_weighting"
    description = "nothing: weights of other examples"
    needs = ("weighting",)

    def __init__(
        self, weighting: ExampleWeighting, seed: int = 0, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(
            curriculum=weighting.curriculum,
            num_classes=weighting.num_classes,
            normalize=weighting.normalize,
            teacher_key=weighting.teacher_key,
            student_key=weighting.student_key,
            **kwargs,
        )
        self.weighting = weighting
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(
        self, x_shape: Shapes, y_shape: Shapes = None, progress_shape: Shapes = None
    ) -> None:
        self.built = True

    def call(
        self, x: Tensors, y: Tensors = None, progress: Tensors = None
    ) -> tf.Tensor:
        """Gives the weights `(batch,)` of the batch in another order."""
        weights = self.weighting(x, y=y, progress=progress)
        return keras.random.shuffle(weights, seed=self.seed_generator)

    def label_trust(
        self, annotate: Callable[[Tensors], Tensors], y: Tensors, num_classes: int
    ) -> np.ndarray | None:
        return None

    def get_config(self) -> Config:
        config = keras.layers.Layer.get_config(self)
        weighting = keras.saving.serialize_keras_object(self.weighting)
        return {**config, "weighting": weighting, "seed": self.seed}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        config = dict(config)
        config["weighting"] = keras.saving.deserialize_keras_object(config["weighting"])
        return cls(**config)
