"""Models that many tests train."""

import keras


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
