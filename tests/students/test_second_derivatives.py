"""Every layer, activation and loss of Keras has right second derivatives in students.

A hypergradient is made of products with a student's Hessian. Where these differ from
what finite differences of the gradient say, all that is learned is silently wrong.
"""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries.students import FunctionalStudent
from tfcommentaries.students.repeating import check_repeats

layers = keras.layers
VECTOR, SEQUENCE, IMAGE, VOLUME = (8,), (6, 4), (6, 6, 3), (4, 4, 4, 2)


def of(shape, *args, inputs=1, wide=True, **kwargs):
    """How to try a layer.

    Args:
        shape: of its input.
        *args: its arguments; functions are called for them.
        inputs: how many it gets of what dense layers give; with 0 it comes first.
        wide: whether it can compute in float64.
        **kwargs: its arguments.
    """
    return shape, inputs, wide, args, kwargs


def two(shape, *args, **kwargs):
    return of(shape, *args, inputs=2, **kwargs)


def before(shape, *args, **kwargs):
    return of(shape, *args, inputs=0, wide=False, **kwargs)


def embedded():
    return layers.Dense(3)


LAYERS = {
    "Activation": of(VECTOR, "tanh"),
    "ActivityRegularization": of(VECTOR, l2=0.1),
    "Add": two(VECTOR),
    "AdditiveAttention": two(SEQUENCE),
    "AlphaDropout": of(VECTOR, 0.3),
    "Attention": two(SEQUENCE, use_scale=True),
    "AutoContrast": before(IMAGE),
    "Average": two(VECTOR),
    "BatchNormalization": of(IMAGE),
    "Bidirectional": of(SEQUENCE, lambda: layers.LSTM(3)),
    "CenterCrop": of(IMAGE, 4, 4),
    "Concatenate": two(VECTOR),
    "ContrastLimitedAdaptiveHistogramEqualization": before(IMAGE),
    "ConvLSTM1D": of((3, 6, 2), 2, 3),
    "ConvLSTM2D": of((3, 5, 5, 2), 2, 3),
    "ConvLSTM3D": of((2, 4, 4, 4, 1), 1, 3),
    "Dense": of(VECTOR, 3, kernel_regularizer="l2"),
    "DepthwiseConv1D": of(SEQUENCE, 3),
    "DepthwiseConv2D": of(IMAGE, 3),
    "Dot": two(SEQUENCE, axes=(2, 2)),
    "Dropout": of(VECTOR, 0.3),
    "ELU": of(VECTOR),
    "EinsumDense": of(VECTOR, "ab,bc->ac", 3),
    "Equalization": before(IMAGE),
    "Flatten": of(IMAGE),
    "GRU": of(SEQUENCE, 3),
    "GaussianDropout": of(VECTOR, 0.3),
    "GaussianNoise": of(VECTOR, 0.3),
    "GroupNormalization": of(IMAGE, groups=3),
    "GroupQueryAttention": two(SEQUENCE, 2, 4, 2),
    "Identity": of(VECTOR),
    "LSTM": of(SEQUENCE, 3),
    "LayerNormalization": of(VECTOR),
    "LeakyReLU": of(VECTOR),
    "Masking": of(SEQUENCE),
    "Maximum": two(VECTOR),
    "MelSpectrogram": before((4000,)),
    "Minimum": two(VECTOR),
    "MultiHeadAttention": two(SEQUENCE, 2, 3),
    "Multiply": two(VECTOR),
    "Normalization": of(VECTOR, mean=1.0, variance=2.0),
    "PReLU": of(VECTOR),
    "Permute": of(SEQUENCE, (2, 1)),
    "RMSNormalization": of(VECTOR),
    "RNN": of(SEQUENCE, lambda: layers.GRUCell(3)),
    "RandomCrop": before(IMAGE, 6, 6),
    "RandomErasing": before(IMAGE),
    "RandomElasticTransform": before(IMAGE),
    "RandomFlip": before(IMAGE),
    "RandomGaussianBlur": before(IMAGE),
    "RandomColorJitter": before(IMAGE),
    "RandomPosterization": before(IMAGE, 4),
    "RandomPerspective": before(IMAGE),
    "RandomSharpness": before(IMAGE, 0.5),
    "RandomShear": before(IMAGE, 0.3),
    "RandomTranslation": before(IMAGE, 0.3, 0.3),
    "ReLU": of(VECTOR),
    "RepeatVector": of(VECTOR, 3),
    "Rescaling": of(VECTOR, 0.5),
    "Reshape": of(VECTOR, (2, 4)),
    "STFTSpectrogram": before((1000, 1), trainable=False),
    "SeparableConv1D": of(SEQUENCE, 3, 3),
    "SeparableConv2D": of(IMAGE, 3, 3),
    "SimpleRNN": of(SEQUENCE, 3),
    "Softmax": of(VECTOR),
    "Solarization": before(IMAGE),
    "StackedRNNCells": of(SEQUENCE, lambda: [layers.GRUCell(3), layers.LSTMCell(2)]),
    "Subtract": two(VECTOR),
    "TimeDistributed": of(SEQUENCE, embedded),
    "UnitNormalization": of(VECTOR),
    # Less common arguments, whose operations are others.
    "MaxPooling2D steps of 1": of(IMAGE, 3, strides=1, padding="same"),
    "UpSampling2D bilinear": of(IMAGE, 2, interpolation="bilinear", wide=False),
}
LAYERS |= {
    name: before(IMAGE, 0.3)
    for name in dir(layers)
    if name.startswith("Random") and name not in LAYERS
}
for _axes, _shape in enumerate((SEQUENCE, IMAGE, VOLUME), 1):
    _pooled = {"wide": _axes < 3}  # TensorFlow pools volumes in float32 alone.
    LAYERS |= {
        f"{name}{_axes}D": of(_shape, *args, **options)
        for name, args, options in (
            ("AdaptiveAveragePooling", (2,), _pooled),
            ("AdaptiveMaxPooling", (2,), _pooled),
            ("AveragePooling", (2,), _pooled),
            ("Conv", (3, 3), {}),
            ("Cropping", (1,), {}),
            ("GlobalAveragePooling", (), {}),
            ("GlobalMaxPooling", (), {}),
            ("MaxPooling", (2,), _pooled),
            ("SpatialDropout", (0.3,), {}),
            ("UpSampling", (2,), {}),
            ("ZeroPadding", (1,), {}),
        )
    }
    LAYERS[f"Conv{_axes}DTranspose"] = of(_shape, 3, 3, strides=2)
LAYERS |= {
    f"Resizing {method}": of(IMAGE, 9, 9, interpolation=method, wide=False)
    for method in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
}
LAYERS["Resizing antialiased"] = of(IMAGE, 3, 3, antialias=True, wide=False)
#: Tried below, as an embedding's gradient is sparse, or in `test_repeating`.
#: `RandAugment` is refused as `AugMix` is with Keras 3.9, and works with 3.15.
ELSEWHERE = {
    *("AugMix", "Embedding", "Lambda", "RandAugment", "ReversibleEmbedding"),
    "SpectralNormalization",
}
#: Not layers of a student: parts, bases, other frameworks, what changes labels too,
#: and what makes integers, which belongs into the input pipeline.
NO_STUDENTS = {
    *(
        "CategoryEncoding",
        "CutMix",
        "Discretization",
        "FlaxLayer",
        "GRUCell",
        "Hashing",
    ),
    *("HashedCrossing", "InputLayer", "IntegerLookup", "JaxLayer", "LSTMCell", "Layer"),
    *("MaxNumBoundingBoxes", "MixUp", "Pipeline", "SimpleRNNCell", "StringLookup"),
    *("TFSMLayer", "TextVectorization", "TorchModuleWrapper", "Wrapper"),
}


def known(name):
    return hasattr(layers, name.split()[0])


def student_with(name):
    """A small student with the layer, and inputs for it."""
    shape, inputs, _, args, kwargs = LAYERS[name]
    cls = getattr(layers, name.split()[0])
    args = [arg() if inspect.isfunction(arg) else arg for arg in args]
    layer = cls(*args, **{k: v for k, v in kwargs.items() if k != "wide"})
    if name == "StackedRNNCells":
        layer = layers.RNN(layer)
    x = keras.Input(shape)
    if inputs == 0:
        seen = layers.Rescaling(1 / 255)(layers.Flatten()(layer(x)))
        hidden = layers.Dense(2, "tanh")(seen)
    else:
        hidden = [layers.Dense(shape[-1], "tanh")(x) for _ in range(inputs)]
        positional = name in ("MultiHeadAttention", "GroupQueryAttention")
        hidden = layer(*hidden) if inputs == 1 or positional else layer(hidden)
        hidden = layers.Flatten()(hidden)
    model = keras.Model(x, layers.Dense(1)(hidden))
    model.compile("sgd", "mse")
    generator = np.random.default_rng(0)
    high = 1 if inputs else 255
    return (
        model,
        generator.uniform(0, high, size=(3, *shape)),
        generator.normal(size=(3, 1)),
    )


def check(model, x, y, step=1e-5, tolerance=1e-5):
    """Compares a derivative of a slope, in a graph, with a difference of slopes."""
    generator = np.random.default_rng(1)
    dtype = keras.config.floatx()
    x = tf.constant(x, None if x.dtype.kind == "i" else dtype)
    student = FunctionalStudent(model)
    student.build(x, y)
    check_repeats(student, x, y)

    def random():
        shapes = [v.shape for v in model.trainable_variables]
        return [generator.normal(size=shape).astype(dtype) for shape in shapes]

    state = student.weights
    weights = [w + 0.1 * r for w, r in zip(state.trainable, random())]
    along, direction = random(), random()

    def slope(weights):
        with tf.GradientTape() as tape:
            tape.watch(weights)
            loss, _ = student.loss(state._replace(trainable=weights), x, y)
        gradients = tape.gradient(loss, weights, unconnected_gradients="zero")
        gradients = map(tf.convert_to_tensor, gradients)
        return sum(tf.reduce_sum(g * a) for g, a in zip(gradients, along))

    @tf.function(autograph=False)
    def slope_and_gradient():
        with tf.GradientTape() as tape:
            tape.watch(weights)
            value = slope(weights)
        second = tape.gradient(value, weights, unconnected_gradients="zero")
        return value, [tf.convert_to_tensor(s) for s in second]

    value, second = slope_and_gradient()
    found = sum(float(tf.reduce_sum(s * d)) for s, d in zip(second, direction))
    up, down = (
        float(slope([w + sign * step * d for w, d in zip(weights, direction)]))
        for sign in (1, -1)
    )
    size = max(1, abs(found), abs(float(value)))
    assert abs(found - (up - down) / (2 * step)) < tolerance * size


@pytest.mark.parametrize("name", filter(known, LAYERS))
def test_layers(name, request):
    if LAYERS[name][2]:
        request.getfixturevalue("float64")
        check(*student_with(name))
    else:
        check(*student_with(name), step=1e-3, tolerance=1e-2)


@pytest.mark.parametrize("name", filter(known, ["Embedding", "ReversibleEmbedding"]))
def test_embeddings(name, float64):
    words = keras.Input((4,), dtype="int32")
    hidden = layers.Flatten()(getattr(layers, name)(5, 3)(words))
    model = keras.Model(words, layers.Dense(1, "tanh")(hidden))
    model.compile("sgd", "mse")
    check(model, np.array([[0, 1, 1, 4], [2, 0, 3, 3]]), np.array([[1.0], [-1.0]]))


def test_no_layer_is_left_out():
    tried = {getattr(layers, n.split()[0]) for n in filter(known, LAYERS)}
    tried |= {getattr(layers, n, None) for n in ELSEWHERE | NO_STUDENTS}
    classes = {c for _, c in inspect.getmembers(layers, inspect.isclass)}
    left = {c.__name__ for c in classes if issubclass(c, layers.Layer)} - {
        c.__name__ for c in tried if c is not None
    }
    assert not left


ACTIVATIONS = [
    name
    for name, function in inspect.getmembers(keras.activations, inspect.isfunction)
    if name not in ("deserialize", "get", "serialize")
]
#: Activations that want arguments.
WITH = {"threshold": (0.1, 0.0)}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name, float64):
    function = getattr(keras.activations, name)
    x = keras.Input(VECTOR)
    hidden = layers.Dense(6)(x)
    hidden = layers.Lambda(lambda t: function(t, *WITH.get(name, ())))(hidden)
    model = keras.Model(x, layers.Dense(1)(hidden))
    model.compile("sgd", "mse")
    generator = np.random.default_rng(0)
    check(model, generator.normal(size=(3, 8)), generator.normal(size=(3, 1)))


#: Has derivatives of its own (CTC, of TensorFlow's); NaN in the second (Circle).
WITHOUT = {"CTC", "Circle", "Loss"}
LOSSES = [
    name
    for name, _ in inspect.getmembers(keras.losses, inspect.isclass)
    if name not in WITHOUT
]


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name, float64):
    positive = name in ("MeanSquaredLogarithmicError", "Poisson")
    x = keras.Input(VECTOR)
    outputs = layers.Dense(3, "softplus" if positive else "softmax")
    model = keras.Model(x, outputs(layers.Dense(6, "tanh")(x)))
    model.compile("sgd", getattr(keras.losses, name)())
    y = np.array([0, 2, 1])
    if name not in (
        "CategoricalGeneralizedCrossEntropy",
        "SparseCategoricalCrossentropy",
    ):
        y = np.eye(3)[y]
    check(model, np.random.default_rng(0).normal(size=(3, 8)), y)


def test_students_of_one_batch_size_are_taken():
    words = keras.Input(batch_shape=(3, 4, 2))
    model = keras.Model(words, layers.Dense(1)(layers.LSTM(3, stateful=True)(words)))
    model.compile("sgd", "mse")
    check(model, np.ones((3, 4, 2)), np.ones((3, 1)), 1e-3, 1e-2)
