"""`fit` prints a line per epoch, and makes the steps that are suggested."""

import re

import numpy as np
import pytest
from models import make_student

from tfcommentaries import (
    CommentaryLearner,
    Composition,
    ExampleWeighting,
    GroupWeighting,
    teachers,
)

X, Y = np.ones((8, 5), "float32"), np.arange(8) % 3
GROUPS = {"shop": ["a", "b"] * 4, "year": [1, 2, 3, 4] * 2}


@pytest.fixture(scope="module")
def learner():
    weighting = GroupWeighting(GROUPS)
    learner = CommentaryLearner(
        weighting, make_student((5,), 3), inner_steps=1, start_from_checked=False
    )
    learner.compile(metrics=["accuracy"])
    return learner


def fit(learner, **kwargs):
    x = learner.commentary.add_groups(X, GROUPS)
    return learner.fit(x, Y, validation_data=(X, Y), batch_size=4, **kwargs)


@pytest.mark.filterwarnings("ignore:The weights are unreliable", "ignore:All weights")
def test_a_line_says_what_matters(learner, capsys, monkeypatch):
    fit(learner, steps_per_epoch=1, epochs=2)
    printed = capsys.readouterr().out.splitlines()
    lines = [line for line in printed if not line.startswith("Preparing")]
    assert len(lines) == 2
    number = r"\d\S*"
    assert re.fullmatch(
        f"Epoch 2/2: outer loss {number}, accuracy {number}, "
        rf"{number} of 2 sources trusted \(shop\), {number} of 4 sources trusted "
        rf"\(year\) \({number} s\)",
        lines[1],
    )
    fit(learner, steps_per_epoch=1, verbose=2)
    assert "hypergradient_norm" in capsys.readouterr().out
    fit(learner, steps_per_epoch=1, verbose=0)
    assert not capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    fit(learner, steps_per_epoch=2)
    first, *_, last = capsys.readouterr().out.split("\r\033[K")[1:]
    assert first == "Epoch 1/1: outer step 1 of 2"
    assert last.startswith("Epoch 1/1: outer loss") and last.endswith("s)\n")


@pytest.mark.filterwarnings("ignore:The weights are unreliable", "ignore:All weights")
def test_without_epochs_all_suggested_steps_are_made(learner):
    assert fit(learner, verbose=0).epoch == list(range(10))
    example = ExampleWeighting(teachers.mlp((5,), units=(2,)))
    both = Composition([GroupWeighting(GROUPS), example])
    student = make_student((5,), 3)
    for commentary, epochs in (example, 10), (both, 10):
        other = CommentaryLearner(commentary, student)
        assert other._schedule(None, None) == (10, epochs)
        assert other._schedule(None, 3) == (10, 3)
        assert other._schedule(2, None) == (2, 1)
