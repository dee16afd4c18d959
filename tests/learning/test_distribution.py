"""Learning spread over devices and processes gives what one device gives."""

import json
import os
import socket

import forks
import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_student

from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    GroupWeighting,
    ImplicitTraining,
    LearnCommentaryCallback,
    UnrolledTraining,
    teachers,
)


def learn(strategy, inner_training=None, initialization="fresh"):
    """Learns with two students for two outer steps; gives weights and logs."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(64, 5)).astype("float32")
    y = np.arange(64) % 3
    with strategy.scope():
        student = make_student((5,), 3)
        weighting = ExampleWeighting(teachers.mlp((9,), units=(8,)), num_classes=3)
        weighting(x[:8], y=y[:8], progress=0.0)
        for variable in (*student.trainable_variables, *weighting.trainable_variables):
            if "gamma" not in variable.path:
                values = 0.3 * generator.normal(size=variable.shape)
                variable.assign(values.astype("float32"))
        learner = CommentaryLearner(
            weighting,
            student,
            inner_training or UnrolledTraining(),
            inner_steps=4,
            student_initialization=initialization,
            students_per_step=2,
        )
        learner.compile(keras.optimizers.SGD(0.5), metrics=["accuracy"])
    history = learner.fit(
        (x, y),
        (x[::-1].copy(), y[::-1].copy()),
        batch_size=8,
        validation_batch_size=16,
        steps_per_epoch=2,
        verbose=0,
    ).history
    logs = {name: values[0] for name, values in history.items()}
    return [v.numpy() for v in weighting.trainable_variables], logs


def assert_same(weights, expected):
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("training", "initialization"),
    [(UnrolledTraining(), "fresh"), (ImplicitTraining(), "fixed")],
    ids=["unrolled", "implicit"],
)
def test_two_devices_learn_what_one_learns(training, initialization, mirrored):
    weights, logs = learn(tf.distribute.get_strategy(), training, initialization)
    spread, spread_logs = learn(mirrored, training, initialization)
    assert_same(spread, weights)
    for name in ("loss", "accuracy", "hypergradient_norm"):
        np.testing.assert_allclose(spread_logs[name], logs[name], rtol=1e-5)


def learn_two_outputs(strategy):
    """Learns with a student of two outputs and sources; gives logits and the doubt."""
    keras.utils.set_random_seed(0)
    x, source = np.random.normal(size=(64, 5)).astype("float32"), np.arange(64) % 2
    y = np.arange(64) % 3, x[:, 0]
    with strategy.scope():
        inputs = keras.Input((5,))
        outputs = [keras.layers.Dense(size)(inputs) for size in (3, 1)]
        student = keras.Model(inputs, outputs)
        crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        student.compile("sgd", [crossentropy, "mse"])
        weighting = GroupWeighting(source)
        learner = CommentaryLearner(
            weighting, student, inner_steps=2, students_per_step=2
        )
        learner.compile(keras.optimizers.SGD(0.5))
    grouped = weighting.add_groups(x, source)
    history = learner.fit(
        (grouped, y), (x, y), batch_size=8, steps_per_epoch=2, verbose=0
    )
    return weighting.trainable_variables[0].numpy(), history.history["loss"]


def test_students_of_two_outputs_spread_as_on_one_device(mirrored):
    logits, loss = learn_two_outputs(tf.distribute.get_strategy())
    spread, spread_loss = learn_two_outputs(mirrored)
    np.testing.assert_allclose(spread, logits, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(spread_loss, loss, rtol=1e-5)


def test_guessing_costs_the_same_on_two_devices(vectors, mirrored):
    x, y = vectors
    for strategy in tf.distribute.get_strategy(), mirrored:
        with strategy.scope():
            student = make_student((5,), 3)
            student.optimizer.learning_rate = 1e-6
            learner = CommentaryLearner(
                ExampleWeighting(), student, inner_steps=2, students_per_step=2
            )
        with pytest.warns(UserWarning, match="that of guessing 1.1. "):
            learner.fit((x, y), (x, y), batch_size=4, steps_per_epoch=1, verbose=0)


def learn_among_workers(file, index, ports):
    """One of the workers; leaves the learned weights in an .npz file."""
    cluster = {"worker": [f"localhost:{port}" for port in ports]}
    config = {"cluster": cluster, "task": {"type": "worker", "index": index}}
    os.environ["TF_CONFIG"] = json.dumps(config)
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    keras.utils.set_random_seed(0)
    np.savez(file, *learn(strategy)[0])


def test_two_processes_learn_what_one_learns(tmp_path):
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("localhost", 0))
            ports.append(probe.getsockname()[1])
    processes = [
        forks.FORKS.Process(
            target=learn_among_workers, args=(tmp_path / f"{index}.npz", index, ports)
        )
        for index in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
        assert process.exitcode == 0
    expected, _ = learn(tf.distribute.get_strategy())
    for index in range(2):
        saved = np.load(tmp_path / f"{index}.npz")
        assert_same([saved[name] for name in saved], expected)


def test_students_must_spread_evenly(mirrored):
    expected = pytest.raises(ValueError, match="multiple of the number of replicas, 2")
    with mirrored.scope(), expected:
        CommentaryLearner(ExampleWeighting(), make_student(), students_per_step=3)


def test_going_on_is_for_one_student():
    with pytest.raises(ValueError, match="goes on with one student"):
        CommentaryLearner(
            ExampleWeighting(),
            make_student(),
            student_initialization="continue",
            students_per_step=2,
        )


def test_learning_inside_fit_refuses_several_replicas(vectors, mirrored):
    x, y = vectors
    with mirrored.scope():
        model = make_student((5,), 3)
    learn_in_fit = LearnCommentaryCallback(ExampleWeighting(), (x, y))
    with pytest.raises(ValueError, match="on one replica"):
        model.fit(x, y, callbacks=[learn_in_fit], verbose=0)
