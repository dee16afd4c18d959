"""XLA compiles every estimator, and changes nothing."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries import ExampleWeighting, ImplicitTraining, UnrolledTraining
from tfcommentaries.hypergradients import solvers
from tfcommentaries.students import FunctionalStudent

STEPS = 4

UNROLLED = {
    "everything kept": {"checkpoint_interval": 0},
    "states kept": {"checkpoint_interval": 1},
    "every third state": {"checkpoint_interval": 3},
    "root of T": {"memory_budget": 1},
    "truncated": {"truncate": 2},
}
IMPLICIT = {
    "identity": {"solver": "identity"},
    "one term": {"solver": "neumann"},
    "series": {"solver": solvers.Neumann(4, 1e-2)},
    "conjugate gradients": {"solver": solvers.ConjugateGradient(3, damping=1.0)},
    "nystrom": {"solver": solvers.Nystrom(3, damping=1.0)},
    "largest columns": {"solver": solvers.Nystrom(3, damping=1.0, columns="largest")},
    "exact": {"solver": solvers.Exact(damping=1.0)},
    "reverse": {"products": "reverse"},
    "differences": {"products": "finite_difference"},
    "preconditioned": {"solver": "identity", "preconditioned": True},
}


def small():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def layered(*layers):
    model = keras.Sequential([keras.Input((4, 4, 1)), *layers, keras.layers.Dense(3)])
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def convolutional():
    return layered(
        keras.layers.Conv2D(2, 3, activation="relu", padding="same"),
        keras.layers.BatchNormalization(),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
    )


def attentive():
    x = inputs = keras.Input((4, 4, 1))
    x = keras.layers.Reshape((4, 4))(x)
    x = keras.layers.Add()([x, keras.layers.MultiHeadAttention(2, 3)(x, x)])
    x = keras.layers.LayerNormalization()(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    model.compile("adam", small().loss)
    return model


def recurrent():
    return layered(keras.layers.Reshape((4, 4)), keras.layers.LSTM(3))


def hypergradients(model, inner_training, measured=False, ways=(False, True)):
    """What an outer step gives, by default without XLA and with it."""
    shape = (STEPS, 5, *model.input_shape[1:])
    generator = np.random.default_rng(0)
    x = tf.constant(generator.normal(size=shape).astype("float32"))
    y = tf.constant(generator.integers(0, 3, size=(STEPS, 5)))
    commentary = ExampleWeighting(num_classes=3, curriculum=True)
    commentary.teach(x[0], y[0], None, 0.5)
    student = FunctionalStudent(model)
    student.build(x[0], y[0])
    layer = inner_training.bind(commentary, student)
    # Drawn, since the last layer of a teacher begins at zero.
    phi = [
        tf.constant(0.3 * generator.normal(size=v.shape).astype("float32"))
        for v in commentary.trainable_variables
    ]

    def loss_of(weights):
        outputs, _ = student.predict(weights, x[-1], training=True)
        return tf.cast(model.compute_loss(y=y[-1], y_pred=outputs), tf.float32)

    def outer_step():
        state = layer.problem.initial_state(student.weights)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(phi)
            measure = loss_of if measured else None
            found = layer.go_on(phi, state, (x, y), measure=measure)
            loss = found[1] if measured else loss_of(found.weights)
            loss *= student.loss_scale
        return loss, tape.gradient(loss, phi)

    compiled = tf.function(outer_step, jit_compile=True, autograph=False)
    steps = [compiled if way else outer_step for way in ways]
    return tuple([t.numpy() for t in tf.nest.flatten(step())] for step in steps)


def check_equal(plain, compiled, tolerance=1e-5):
    assert max(abs(g).max() for g in plain[1:]) > 0
    for one, other in zip(plain, compiled):
        np.testing.assert_allclose(
            other, one, rtol=tolerance, atol=tolerance * abs(one).max()
        )


@pytest.mark.parametrize("options", UNROLLED.values(), ids=UNROLLED)
def test_unrolled(options):
    check_equal(*hypergradients(small(), UnrolledTraining(**options)))


def test_a_loss_after_every_step():
    check_equal(*hypergradients(small(), UnrolledTraining(), measured=True))


@pytest.mark.parametrize("options", IMPLICIT.values(), ids=IMPLICIT)
def test_implicit(options):
    # Differences of float32 numbers have few digits.
    tolerance = 1e-2 if options.get("products") == "finite_difference" else 1e-5
    check_equal(*hypergradients(small(), ImplicitTraining(**options)), tolerance)


@pytest.mark.parametrize(
    "axes, steps, training",
    [(1, 1, UnrolledTraining), (2, 1, ImplicitTraining), (2, 2, ImplicitTraining)],
)
def test_max_pools(axes, steps, training):
    """TensorFlow's second derivative is wrong with steps of 1, and in XLA with all."""
    pool = getattr(keras.layers, f"MaxPooling{axes}D")(3, steps, "same")
    model = layered(
        keras.layers.Conv2D(4, 3, padding="same"),
        keras.layers.Reshape({1: (8, 8), 2: (4, 4, 4)}[axes]),
        keras.layers.Activation("relu"),
        pool,
        keras.layers.Flatten(),
    )
    # Adam would make steps of what is nothing but rounding.
    model.compile(keras.optimizers.SGD(0.1), model.loss)
    check_equal(*hypergradients(model, training()), 2e-5)


@pytest.mark.parametrize("make", [convolutional, attentive, recurrent])
def test_students(make):
    check_equal(*hypergradients(make(), UnrolledTraining()), 1e-4)


def test_float16(mixed_float16):
    plain, compiled = hypergradients(convolutional(), UnrolledTraining())
    assert max(abs(g).max() for g in plain[1:]) > 0
    for one, other in zip(plain, compiled):
        # XLA rounds less often.
        np.testing.assert_allclose(other, one, rtol=0, atol=0.05 * abs(one).max())


def test_examples_in_several_chunks(monkeypatch):
    monkeypatch.setattr("tfcommentaries.hypergradients.inner_problem.CHUNK", 7)
    model = small()
    chunked, compiled = hypergradients(model, UnrolledTraining())
    check_equal(chunked, compiled)
    monkeypatch.undo()
    (whole,) = hypergradients(model, UnrolledTraining(), ways=[False])
    check_equal(chunked, whole)


def test_dropout_compiles():
    model = layered(
        keras.layers.Flatten(), keras.layers.Dense(4), keras.layers.Dropout(0.5)
    )
    (compiled,) = hypergradients(model, UnrolledTraining(), ways=[True])
    # Inside of XLA other numbers are drawn.
    assert np.isfinite(compiled[0]) and max(abs(g).max() for g in compiled[1:]) > 0
