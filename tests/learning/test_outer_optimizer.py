"""The optimizer of a commentary whose user gives none."""

import numpy as np
from models import make_student

from tfcommentaries import (
    CommentaryLearner,
    Composition,
    ExampleWeighting,
    GroupWeighting,
    teachers,
)
from tfcommentaries.learning.outer_optimizer import default_optimizer

X = np.random.default_rng(0).normal(size=(24, 4)).astype("float32")
Y, SOURCE = np.arange(24) % 3, np.arange(24) // 8


def test_each_part_learns_at_its_own_rate():
    """A first step of Adam is as long as its learning rate."""
    sources = GroupWeighting(SOURCE)
    examples = ExampleWeighting(teachers.mlp((4,), units=(8,)))
    both = Composition([sources, Composition([examples])])
    x = sources.add_groups(X, SOURCE)
    both.teach(x, Y)
    before = [
        [v.numpy() for v in part.trainable_weights] for part in (sources, examples)
    ]
    learner = CommentaryLearner(both, make_student((4,), 3), inner_steps=3)
    learner.compile()
    learner.fit((x, Y), (X, Y), batch_size=8, steps_per_epoch=1, verbose=0)
    assert float(learner.optimizer.learning_rate) == np.float32(1e-3)
    for part, old, rate in zip((sources, examples), before, (0.2, 1e-3)):
        longest = max(
            abs(a.numpy() - b).max() for a, b in zip(part.trainable_weights, old)
        )
        np.testing.assert_allclose(longest, rate, rtol=1e-2)
    assert both.suggested == {
        "learning_rate": 1e-3,
        "warmup": 20,
        "steps": None,
        "outer_steps": 100,
        "learner": {},
    }


def test_one_kind_has_one_rate():
    optimizer = default_optimizer(GroupWeighting(SOURCE))
    assert float(optimizer.learning_rate) == np.float32(0.2)
