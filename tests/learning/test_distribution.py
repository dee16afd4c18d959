"""Learning spread over devices and processes gives what one device gives."""

import json
import os
import signal
import socket
import time

import forks
import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_linear, make_student

from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    FewShotLearner,
    GroupWeighting,
    ImplicitTraining,
    LearnCommentaryCallback,
    UnrolledTraining,
    teachers,
)
from tfcommentaries.learning.learner_checkpoint import LearnerCheckpoint


def vectors_of_three_classes():
    generator = np.random.default_rng(0)
    return generator.normal(size=(64, 5)).astype("float32"), np.arange(64) % 3


def make_learner(strategy, inner_training=None, initialization="fresh"):
    """A learner with two students in each outer step."""
    generator = np.random.default_rng(1)
    with strategy.scope():
        student = make_student((5,), 3)
        weighting = ExampleWeighting(teachers.mlp((8,), units=(8,)), num_classes=3)
        weighting(np.zeros((8, 5), "float32"), y=np.zeros(8))
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
    return learner


def learn(strategy, inner_training=None, initialization="fresh"):
    """Learns for two outer steps; gives weights and logs."""
    x, y = vectors_of_three_classes()
    learner = make_learner(strategy, inner_training, initialization)
    history = learner.fit(
        (x, y),
        (x[::-1].copy(), y[::-1].copy()),
        batch_size=8,
        validation_batch_size=16,
        steps_per_epoch=2,
        verbose=0,
    ).history
    logs = {name: values[0] for name, values in history.items()}
    return [v.numpy() for v in learner.commentary.trainable_variables], logs


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
    """Learns with a student of two outputs and sources.

    Gives logits, losses, and how many examples of each source were read.
    """
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
    seen = weighting.table().entries["seen"].tolist()
    return weighting.trainable_variables[0].numpy(), history.history["loss"], seen


def test_students_of_two_outputs_spread_as_on_one_device(mirrored):
    logits, loss, seen = learn_two_outputs(tf.distribute.get_strategy())
    spread, spread_loss, spread_seen = learn_two_outputs(mirrored)
    np.testing.assert_allclose(spread, logits, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(spread_loss, loss, rtol=1e-5)
    # Steps, students, steps of each, and a batch.
    assert sum(spread_seen) == sum(seen) == 2 * 2 * 2 * 8


def test_guessing_costs_the_same_on_two_devices(vectors, mirrored):
    x, y = vectors
    for strategy in tf.distribute.get_strategy(), mirrored:
        with strategy.scope():
            student = make_student((5,), 3)
            student.optimizer.learning_rate = 1e-6
            # Its first student is, by chance, no better than guessing.
            learner = CommentaryLearner(
                ExampleWeighting(), student, inner_steps=2, students_per_step=2, seed=1
            )
        with pytest.warns(UserWarning, match="that of guessing 1.1. "):
            learner.fit((x, y), (x, y), batch_size=4, steps_per_epoch=1, verbose=0)


def free_ports(number):
    """Addresses on this machine."""
    probes = [socket.socket() for _ in range(number)]
    for probe in probes:
        probe.bind(("localhost", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return [f"localhost:{port}" for port in ports]


def among_workers(function, *arguments):
    """Starts two workers, which call `function(strategy, index, *arguments)`."""
    cluster = free_ports(2)
    workers = [
        forks.FORKS.Process(target=work, args=(index, cluster, function, *arguments))
        for index in range(2)
    ]
    for worker in workers:
        worker.start()
    return workers


def work(index, cluster, function, *arguments):
    task = {"type": "worker", "index": index}
    os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": cluster}, "task": task})
    function(tf.distribute.MultiWorkerMirroredStrategy(), index, *arguments)


class Die(keras.callbacks.Callback):
    """Ends the process in its second epoch, as losing the machine does."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            os.kill(os.getpid(), signal.SIGKILL)


def learn_from_a_file(strategy, index, folder, dies=None):
    """Learns from one file, with a checkpoint; leaves what it learned in another."""

    def parse(record):
        row = tf.ensure_shape(tf.io.decode_raw(record, tf.float32), [6])
        return row[:5], tf.cast(row[5], tf.int64)

    keras.utils.set_random_seed(0)
    with strategy.scope():
        learner = CommentaryLearner(
            ExampleWeighting(teachers.mlp((8,), units=(8,)), num_classes=3),
            make_linear((5,), 3),
            inner_steps=2,
            students_per_step=2,
        )
        learner.compile(keras.optimizers.SGD(0.5))
    data = tf.data.TFRecordDataset(str(folder / "data.tfrecord")).map(parse)
    learner.fit(
        data.shuffle(64, seed=0).batch(8),
        data.batch(16),
        steps_per_epoch=1,
        epochs=3,
        checkpoint_dir=str(folder / "checkpoint"),
        callbacks=[Die()] if index == dies else [],
        verbose=0,
    )
    weights = [v.numpy() for v in learner.commentary.trainable_variables]
    np.savez(folder / f"{index}.npz", *weights)


def test_workers_of_which_one_was_killed_resume_from_one_folder(tmp_path):
    rows = np.column_stack(vectors_of_three_classes()).astype("float32")
    alone, together = tmp_path / "alone", tmp_path / "together"
    for folder in alone, together:
        folder.mkdir()
        with tf.io.TFRecordWriter(str(folder / "data.tfrecord")) as file:
            for row in rows:
                file.write(row.tobytes())
    chief, other = among_workers(learn_from_a_file, together, 1)
    other.join(300)
    assert other.exitcode == -signal.SIGKILL
    chief.kill()  # Whatever starts workers again starts all of them.
    chief.join()
    assert not list(together.glob("*.npz"))
    for worker in among_workers(learn_from_a_file, together):
        worker.join(300)
        assert worker.exitcode == 0
    learn_from_a_file(tf.distribute.get_strategy(), 0, alone)
    expected = np.load(alone / "0.npz")
    for index in range(2):
        found = np.load(together / f"{index}.npz")
        assert_same([found[name] for name in found], [expected[n] for n in expected])


def restore(strategy, index, folder, epochs):
    """Restores a worker's own checkpoint; leaves what was refused in a file."""
    own = str(folder / str(index))
    with strategy.scope():
        variable = tf.Variable(0.0)
    checkpoint = LearnerCheckpoint(own, {"learned": [variable]}, strategy=strategy)
    if epochs[index]:
        checkpoint.manager.save(checkpoint_number=epochs[index])
    with pytest.raises(ValueError) as refused:
        checkpoint.restore()
    (folder / f"{index}.txt").write_text(str(refused.value))
    while len(list(folder.glob("*.txt"))) < 2:
        time.sleep(0.1)  # A worker that ends ends the other's collective operation.


@pytest.mark.parametrize("epochs, told", [((3, 2), "3, 2"), ((0, 0), "0, no")])
def test_workers_that_see_different_checkpoints_are_refused(tmp_path, epochs, told):
    for worker in among_workers(restore, tmp_path, epochs):
        worker.join(300)
        assert worker.exitcode == 0
    for index in range(2):
        assert f"are after {told} epochs" in (tmp_path / f"{index}.txt").read_text()


def learn_with_parameter_servers():
    cluster = tf.train.ClusterSpec({"ps": free_ports(1), "worker": free_ports(1)})
    servers = [tf.distribute.Server(cluster, job) for job in cluster.jobs]
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        cluster, rpc_layer=servers[0].server_def.protocol
    )
    with tf.distribute.ParameterServerStrategy(resolver).scope():
        student = make_linear((5,), 3)
        for make in (
            lambda: CommentaryLearner(ExampleWeighting(), student),
            lambda: FewShotLearner(student),
        ):
            with pytest.raises(ValueError, match="Received: ParameterServerStrategy"):
                make()


def test_parameter_servers_are_refused():
    # Their devices would stay those of this process.
    forks.finish(learn_with_parameter_servers)


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
