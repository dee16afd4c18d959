"""An outer step whose students are spread over processes, each with a core of its own.

Cores stand for machines: one process that may use all cores would gain nothing.
"""

import concurrent.futures
import json
import multiprocessing
import os
import socket

from benchmarks.harness import seconds_of


def measure(processes, steps, students=8):
    """Learns in some processes.

    Args:
        processes: how many, at most as many as there are cores.
        steps: outer steps that are timed.
        students: students in each outer step.

    Returns:
        `{"replicas": processes that shared the students, "s": seconds of an outer
        step, "fit_s": seconds of all else in a call of `fit`}`.
    """
    cores = sorted(os.sched_getaffinity(0))
    if processes > len(cores):
        raise ValueError(f"{processes} processes need as many cores, not {len(cores)}")
    probes = [socket.create_server(("localhost", 0)) for _ in range(processes)]
    cluster = [f"localhost:{probe.getsockname()[1]}" for probe in probes]
    for probe in probes:
        probe.close()
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(processes, context) as pool:
        workers = [
            pool.submit(_learn, index, core, cluster, steps, students)
            for index, core in enumerate(cores[:processes])
        ]
        found = [worker.result() for worker in workers]
    replicas, one, more = found[0]  # They take each step together.
    seconds = (more - one) / steps
    rest = one - seconds
    return {"replicas": replicas, "s": round(seconds, 3), "fit_s": round(rest, 1)}


def _learn(index, core, cluster, steps, students):
    """`(replicas, seconds of one outer step, of one and more)` of a process."""
    os.sched_setaffinity(0, {core})  # Before TensorFlow counts cores.
    task = {"type": "worker", "index": index}
    os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": cluster}, "task": task})
    import keras
    import numpy as np
    import tensorflow as tf

    from tfcommentaries import CommentaryLearner, ExampleWeighting

    strategy = tf.distribute.get_strategy()
    if len(cluster) > 1:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).random((2000, 784), dtype="float32")
    y = np.arange(len(x)) % 10
    with strategy.scope():
        layers = keras.Input([784]), keras.layers.Dense(256, "relu")
        student = keras.Sequential([*layers, keras.layers.Dense(10)])
        crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        student.compile("sgd", crossentropy)
        learner = CommentaryLearner(
            ExampleWeighting(), student, inner_steps=10, students_per_step=students
        )

    def fit(steps):
        learner.fit(
            (x, y),
            (x[:200], y[:200]),
            batch_size=128,
            steps_per_epoch=steps,
            epochs=1,
            verbose=0,
        )

    fit(1)
    seconds = [seconds_of(lambda n=n: fit(n)) for n in (1, 1 + steps)]
    return strategy.num_replicas_in_sync, *seconds
