"""Which of Keras's optimizers train students, and that they do as in `fit`."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_student

from tfcommentaries import ExampleWeighting, UnrolledTraining
from tfcommentaries.hypergradients.inner_problem import JoinedState
from tfcommentaries.students import FunctionalStudent


def test_an_optimizer_without_a_derivative_is_refused():
    student = make_student(optimizer="lion")
    student = FunctionalStudent(student)
    with pytest.raises(ValueError, match=r"Lion have no derivative.*ImplicitTraining"):
        UnrolledTraining().bind(None, student)


def test_any_keras_optimizer_trains_students(vectors):
    x, y = vectors
    student = FunctionalStudent(make_student((5,), 3, optimizer="adagrad"))
    student.build(x, y)
    commentary = ExampleWeighting(num_classes=3)
    commentary.teach(x, y)
    layer = UnrolledTraining().bind(commentary, student)
    phi = [tf.convert_to_tensor(v) for v in commentary.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(phi)
        trained = layer(phi, student.weights, (np.stack([x] * 3), np.stack([y] * 3)))
        loss, _ = student.loss(trained, x, y)
    assert max(np.abs(g).max() for g in tape.gradient(loss, phi)) > 0
    # Three steps of Keras's own, without weights: those of a new commentary are alike.
    model = student.model
    model.fit(x, y, batch_size=len(x), epochs=3, shuffle=False, verbose=0)
    for ours, kerass in zip(trained.trainable, model.trainable_variables):
        np.testing.assert_allclose(ours, kerass, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.SGD(0.3, momentum=0.9, clipnorm=0.1),
        keras.optimizers.SGD(0.3, global_clipnorm=0.1),
        keras.optimizers.Adam(0.1, clipvalue=0.01),
        keras.optimizers.AdamW(0.1, weight_decay=0.5),
    ],
    ids=["each norm", "norm", "value", "decay"],
)
def test_all_weights_in_one_vector_train_as_in_fit(float64, optimizer):
    dense = keras.layers.Dense(3, kernel_constraint="non_neg")
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, "tanh"), dense])
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, run_eagerly=True)
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(3, 4, 5)), generator.integers(0, 3, (3, 4))
    student = FunctionalStudent(model)
    student.build(x[0], y[0])
    layer = UnrolledTraining(eps_root=0.0).bind(None, student)
    assert isinstance(
        layer.problem.joined(layer.problem.initial_state(student.weights)), JoinedState
    )
    trained = layer([], student.weights, (x, y))
    for batch in zip(x, y):
        model.train_on_batch(*batch)
    for found, expected in zip(trained.trainable, model.trainable_variables):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
