"""A rewrite of TensorFlow's that breaks loops stays away from learning."""

import keras
import numpy as np
import pytest

from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    UnrolledTraining,
    teachers,
)


@pytest.mark.parametrize("interval", [None, 0], ids=["checkpointed", "all kept"])
def test_regularised_students_are_learned_with_more_than_once(interval):
    # TensorFlow takes this graph for larger than the machine and rewrites it.
    x = np.random.default_rng(0).normal(size=(5000, 784)).astype("float32")
    y = np.arange(5000) % 10
    data = {"id": np.arange(5000, dtype="int32"), "x": x}, y
    dense = keras.layers.Dense(10, kernel_regularizer=keras.regularizers.L2(1e-3))
    student = keras.Sequential([keras.Input((784,)), dense])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    student.compile(keras.optimizers.Adam(1e-2), loss)
    learner = CommentaryLearner(
        ExampleWeighting(
            teachers.Table(5000), curriculum=False, teacher_key="id", student_key="x"
        ),
        student,
        UnrolledTraining(checkpoint_interval=interval),
        inner_steps=50,
    )
    learner.compile("adam")
    sizes = {"batch_size": 500, "validation_batch_size": 5000}
    learner.fit(data, data, **sizes, steps_per_epoch=3, verbose=0)
    assert int(learner.optimizer.iterations) == 3
