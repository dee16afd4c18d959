"""Epochs of outer steps."""

import pytest

from tfcommentaries.learning.epochs import steps_per_epoch


@pytest.mark.parametrize("steps, expected", [(100, 10), (15, 5), (7, 7), (22, 11)])
def test_as_many_steps_as_were_asked_for(steps, expected):
    assert steps_per_epoch(steps) == expected and steps % expected == 0
