"""Learning spread over devices and processes gives what one device gives."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_student

from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    ImplicitTraining,
    LearnCommentaryCallback,
    UnrolledTraining,
    teachers,
)

HERE = pathlib.Path(__file__).parent


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
def test_two_devices_learn_what_one_learns(training, initialization):
    weights, logs = learn(tf.distribute.get_strategy(), training, initialization)
    mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    spread, spread_logs = learn(mirrored, training, initialization)
    assert_same(spread, weights)
    for name in ("loss", "accuracy", "hypergradient_norm"):
        np.testing.assert_allclose(spread_logs[name], logs[name], rtol=1e-5)


def test_two_processes_learn_what_one_learns(tmp_path):
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("localhost", 0))
            ports.append(probe.getsockname()[1])
    cluster = {"worker": [f"localhost:{port}" for port in ports]}
    processes = []
    for index in range(2):
        config = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        processes.append(run_worker(tmp_path / f"{index}.npz", json.dumps(config)))
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors[-3000:]
    expected, _ = learn(tf.distribute.get_strategy())
    for index in range(2):
        saved = np.load(tmp_path / f"{index}.npz")
        assert_same([saved[name] for name in saved], expected)


def run_worker(file, config):
    environment = {**os.environ, "TF_CONFIG": config, "CUDA_VISIBLE_DEVICES": ""}
    paths = [str(HERE.parent), str(HERE), *sys.path]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return subprocess.Popen(
        [sys.executable, HERE / "learn_among_workers.py", file],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_students_must_spread_evenly():
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    expected = pytest.raises(ValueError, match="multiple of the number of replicas, 2")
    with strategy.scope(), expected:
        CommentaryLearner(ExampleWeighting(), make_student(), students_per_step=3)


def test_going_on_is_for_one_student():
    with pytest.raises(ValueError, match="goes on with one student"):
        CommentaryLearner(
            ExampleWeighting(),
            make_student(),
            student_initialization="continue",
            students_per_step=2,
        )


def test_learning_inside_fit_refuses_several_replicas(vectors):
    x, y = vectors
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        model = make_student((5,), 3)
    learn_in_fit = LearnCommentaryCallback(ExampleWeighting(), (x, y))
    with pytest.raises(ValueError, match="on one replica"):
        model.fit(x, y, callbacks=[learn_in_fit], verbose=0)
