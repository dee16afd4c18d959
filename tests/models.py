"""Models that many tests train, and a few vectors."""

import keras
import numpy as np


def make_student(input_shape=(8, 8, 1), num_classes=10, units=16, **compile_options):
    """A compiled multi-layer perceptron with batch normalisation."""
    model = keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Flatten(),
            keras.layers.Dense(units, use_bias=False),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
            keras.layers.Dense(num_classes),
        ]
    )
    options = {
        "optimizer": keras.optimizers.Adam(3e-3),
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "metrics": ["accuracy"],
        **compile_options,
    }
    model.compile(**options)
    return model


def make_linear(input_shape=(64,), num_classes=10):
    """A compiled student of one layer, whose graphs are made soonest."""
    layers = keras.layers.Flatten(), keras.layers.Dense(num_classes)
    model = keras.Sequential([keras.Input(input_shape), *layers])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def make_vectors():
    """`(x, y)`: 12 random vectors of 5 features in three classes."""
    generator = np.random.default_rng(0)
    return generator.normal(size=(12, 5)).astype("float32"), np.arange(12) % 3
