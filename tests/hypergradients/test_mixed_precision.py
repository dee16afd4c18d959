"""Students that compute in float16 or bfloat16, with float32 hypergradients."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_student, make_vectors

from tfcommentaries import ExampleWeighting, ImplicitTraining, UnrolledTraining
from tfcommentaries.students import FunctionalStudent

TRAININGS = {
    "unrolled": UnrolledTraining(checkpoint_interval=1),
    "kept": UnrolledTraining(checkpoint_interval=0),
    "implicit": ImplicitTraining(),
    "implicit, reverse": ImplicitTraining(products="reverse"),
    "implicit, differences": ImplicitTraining(products="finite_difference"),
}


def hypergradient(policy, training, vectors, loss_weight=1.0, in_training=True):
    """By a student with small gradients: its loss is small, its rate large."""
    x, y = vectors
    keras.utils.set_random_seed(1)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    model = make_student(
        (5,),
        3,
        optimizer=keras.optimizers.SGD(0.1 / loss_weight),
        loss_weights=loss_weight,
    )
    keras.config.set_dtype_policy(before)
    student = FunctionalStudent(model)
    commentary = ExampleWeighting(num_classes=3, curriculum=True)
    commentary(x, y=y, progress=0.0)
    generator = np.random.default_rng(0)
    for variable in (*model.trainable_variables, *commentary.trainable_variables):
        if "gamma" not in variable.path:
            variable.assign(0.3 * generator.normal(size=variable.shape))
    layer = training.bind(commentary, student)
    batches = np.repeat(x[None], 5, 0), np.repeat(y[None], 5, 0)

    @tf.function(autograph=False)
    def compute():
        phi = [tf.convert_to_tensor(v) for v in commentary.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(phi)
            weights = layer(phi, student.weights, batches)
            loss, _ = student.loss(weights, x[::-1], y, training=in_training)
            loss *= student.loss_scale
        return [g / student.loss_scale for g in tape.gradient(loss, phi)]

    found = compute()
    assert all(g.dtype == tf.float32 for g in found)
    return np.concatenate([g.numpy().ravel() for g in found])


@functools.cache
def exact_hypergradient(name, **options):
    """In float32, which several tests compare with."""
    return hypergradient("float32", TRAININGS[name], make_vectors(), **options)


def cosine(a, b):
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", TRAININGS)
def test_agrees_with_float32(policy, name, vectors):
    exact = exact_hypergradient(name)
    half = hypergradient(policy, TRAININGS[name], vectors)
    least = 0.99 if policy == "mixed_float16" else 0.9
    assert cosine(half, exact) > least
    assert np.linalg.norm(half) == pytest.approx(np.linalg.norm(exact), rel=0.2)


def test_agrees_where_moving_averages_matter(vectors):
    exact, half = (
        hypergradient(policy, TRAININGS["unrolled"], vectors, in_training=False)
        for policy in ("float32", "mixed_float16")
    )
    assert cosine(half, exact) > 0.99
    assert np.linalg.norm(half) == pytest.approx(np.linalg.norm(exact), rel=0.05)


def test_loss_scaling_saves_gradients_too_small_for_float16(vectors, monkeypatch):
    training = TRAININGS["unrolled"]
    exact = exact_hypergradient("unrolled", loss_weight=1e-6)
    scaled = hypergradient("mixed_float16", training, vectors, loss_weight=1e-6)
    monkeypatch.setattr(FunctionalStudent, "loss_scale", 1.0)
    plain = hypergradient("mixed_float16", training, vectors, loss_weight=1e-6)
    assert cosine(scaled, exact) > 0.95
    assert not cosine(plain, exact) > 0.9
