"""A student whose batches are split over devices."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypergradients.test_unrolled_training import problem
from models import make_linear

from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    LossWeighting,
    UnrolledTraining,
)
from tfcommentaries.students import FunctionalStudent

DEVICES = "CPU:0", "CPU:1"


def hypergradient(commentary, student, batches, **options):
    """`(function, phi)`: a function from phi to the loss and its gradient."""
    train = UnrolledTraining(**options).bind(commentary, student)
    initial = student.weights

    @tf.function(autograph=False)
    def compute(phi):
        with tf.GradientTape() as tape:
            tape.watch(phi)
            weights = train(phi, initial, batches)
            loss, _ = student.loss(weights, batches[0][0], batches[1][0])
        return loss, tape.gradient(loss, phi)

    return compute, [tf.convert_to_tensor(v) for v in commentary.trainable_variables]


def plain_student(x, y):
    """A student that treats each example on its own."""
    layers = keras.layers.Dense(7, "tanh"), keras.layers.Dense(3)
    model = keras.Sequential([keras.Input((5,)), *layers])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    student = FunctionalStudent(model)
    student.build(x, y)
    return student


@pytest.mark.parametrize("interval", [0, 2])
def test_two_devices_find_what_one_finds(float64, interval):
    commentary, _, (x, y) = problem("sgd")
    student = plain_student(x[0], y[0])
    options = {"checkpoint_interval": interval}
    one, phi = hypergradient(commentary, student, (x, y), **options)
    two, _ = hypergradient(commentary, student, (x, y), **options, devices=DEVICES)
    loss, expected = one(phi)
    found_loss, found = two(phi)
    assert float(found_loss) == pytest.approx(float(loss), rel=1e-12)
    assert max(np.abs(e).max() for e in expected) > 1e-6
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-15)


def test_statistics_and_seeds_of_parts_agree_with_finite_differences(float64):
    commentary, student, batches = problem(keras.optimizers.Adam(0.01), dropout=0.3)
    compute, phi = hypergradient(commentary, student, batches, devices=DEVICES)
    _, gradient = compute(phi)
    generator, h = np.random.default_rng(2), 1e-5
    direction = [generator.normal(size=p.shape) for p in phi]
    up, down = (
        compute([p + s * h * d for p, d in zip(phi, direction)])[0] for s in (1, -1)
    )
    expected = float(up - down) / (2 * h)
    found = sum(float(tf.reduce_sum(g * d)) for g, d in zip(gradient, direction))
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_derivatives_run_where_their_part_does(float64):
    """TensorFlow would run them all on the first device."""
    commentary, _, (x, y) = problem("sgd")
    student = plain_student(x[0], y[0])
    compute, phi = hypergradient(commentary, student, (x, y), devices=DEVICES)
    graph = compute.get_concrete_function(phi).graph.as_graph_def()
    places = collections.Counter(
        node.device[-5:]
        for function in graph.library.function
        for node in function.node_def
        if node.op == "MatMul" and "CPU" in node.device
    )
    # The outputs, two weights' gradients, the hidden layer's: and derivatives of each.
    assert places["CPU:0"] == places["CPU:1"] >= 10


def test_a_learner_splits_batches(vectors):
    def learn(training):
        keras.utils.set_random_seed(0)
        commentary = ExampleWeighting(num_classes=3)
        learner = CommentaryLearner(commentary, make_linear((5,), 3), training, 3)
        learner.compile()
        fit = {"validation_data": vectors, "batch_size": 6, "epochs": 1}
        learner.fit(vectors, **fit, steps_per_epoch=2, verbose=0)
        return commentary.get_weights()

    expected, found = learn(None), learn(UnrolledTraining(devices=DEVICES))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)


def test_refuses_what_cannot_be_split(vectors):
    commentary, student, (x, y) = problem("sgd")
    for devices, message in (
        (["CPU:0"], "at least two"),
        (["CPU:0", "/device:CPU:0"], "each once"),
        (["CPU:0", "GPU:7"], "no device 'GPU:7'.*CPU:1"),
    ):
        with pytest.raises(ValueError, match=message):
            UnrolledTraining(devices=devices).bind(commentary, student)
    with pytest.raises(ValueError, match="whole batch"):
        UnrolledTraining(devices=DEVICES).bind(LossWeighting(), student)
    with (
        tf.distribute.MirroredStrategy(list(DEVICES)).scope(),
        pytest.raises(ValueError, match="Under a strategy"),
    ):
        UnrolledTraining(devices=DEVICES).bind(commentary, student)
    odd = x[:, :3], y[:, :3]
    compute, phi = hypergradient(commentary, student, odd, devices=DEVICES)
    with pytest.raises(ValueError, match="A batch of 3 examples cannot be split"):
        compute(phi)
    learner = CommentaryLearner(
        ExampleWeighting(num_classes=3),
        make_linear((5,), 3),
        UnrolledTraining(devices=DEVICES),
    )
    learner.compile(jit_compile=True)
    with pytest.raises(ValueError, match="XLA compiles for one device only"):
        learner.fit(vectors, vectors, steps_per_epoch=1, verbose=0, batch_size=6)
