"""The benchmark of the first outer step, and what it counts."""

import pytest

from benchmarks import first_step


@pytest.mark.filterwarnings("ignore:The weights are unreliable")
def test_a_row(capsys):
    row = first_step.measure("mlp")
    assert row["keras"]["traces"] == first_step.STEPS
    # For a step, and for the outer loss.
    assert row["first"]["traces"] == 2
    assert "traces" not in row["second"]
    assert row["second"]["operations"] < row["first"]["operations"] / 10
    first_step.show_row(row)
    assert "first / keras" in capsys.readouterr().out
