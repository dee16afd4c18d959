"""A learner leaves nothing behind."""

import gc
import weakref

import keras
import pytest
from models import make_student
from tensorflow.python.framework import ops

from tfcommentaries import CommentaryLearner, ExampleWeighting, ImplicitTraining


@pytest.mark.parametrize("inner_training", [None, ImplicitTraining()])
def test_a_learner_that_is_gone_is_freed(vectors, inner_training):
    registered = set(ops.gradient_registry._registry)
    weighting = ExampleWeighting(num_classes=3)
    student = make_student((5,), 3)
    student.add(keras.layers.Dense(3, "silu"))
    student.compile("adam", student.loss)
    learner = CommentaryLearner(weighting, student, inner_training, inner_steps=2)
    learner.compile()
    learner.fit(vectors, vectors, batch_size=4, steps_per_epoch=1, verbose=0)
    # What it holds is of use: it learns on.
    learner.fit(vectors, vectors, batch_size=4, steps_per_epoch=1, verbose=0)
    assert set(ops.gradient_registry._registry) == registered
    parts = [weakref.ref(part) for part in (weighting, learner, learner.student.model)]
    del weighting, learner, student
    gc.collect()
    assert [part() for part in parts] == [None] * 3
