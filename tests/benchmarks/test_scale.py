"""The benchmark of growth, its quick sizes."""

import os
import sys

import pytest
from absl.testing import flagsaver

from benchmarks import scale, scale_workers

#: Rows of each, and what they hold besides memory and seconds.
CASES = {
    "table": (1, {}),
    "resuming": (4, {}),
    "forecast": (1, {"outer_steps": 2, "seen": 200}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:The weights are unreliable")
@pytest.mark.filterwarnings("ignore:Learning has read no example")
def test_a_case(case):
    with flagsaver.as_parsed(quick="true"):
        rows = scale.CASES[case]()
    number, held = CASES[case]
    assert len(rows) == number
    for row in rows.values():
        assert held.items() <= row.items() and {"mb", "s", "cpu_s"} <= row.keys()


def test_students_are_spread_over_processes():
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two cores")
    row = scale_workers.measure(2, steps=2, students=2)
    assert row["replicas"] == 2 and {"s", "fit_s"} <= row.keys()
    with pytest.raises(ValueError, match="as many cores"):
        scale_workers.measure(1000, steps=1)


def test_a_process_of_its_own_prints_rows(capsys, monkeypatch):
    asked = []

    def ask(*command):
        asked.append(command)
        return {"a row": {"mb": 1.5, "ms_of_cpu": [3, 4]}}

    monkeypatch.setattr(scale, "ask", ask)
    monkeypatch.setitem(sys.modules, "tfx", None)  # As where it is not installed.
    with flagsaver.as_parsed(case="", quick="true", only="table,images"):
        scale.main(None)
    assert [command[2] for command in asked] == ["--case=table"]
    printed = capsys.readouterr().out
    assert "a row" in printed and "mb 1.5" in printed
    assert "images: left out, TFX is not installed here" in printed
