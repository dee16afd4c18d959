"""The benchmark for GPUs runs where there is none."""

import math

import pytest

from benchmarks import gpu


@pytest.mark.parametrize("student", ["mlp", "transformer"])
def test_a_row(student, capsys):
    device = "/device:CPU:0"
    row = gpu.measure(student, "unrolled", "float32", False, device, 1, True)
    assert row["seconds"] > 0 and row["peak_mb"] is None and row["finite"]
    assert row["difference_from_cpu"] < 1e-5
    gpu.show_row(row)
    assert "WRONG" not in capsys.readouterr().out
    gpu.show_row({**row, "difference_from_cpu": 0.5})
    assert "WRONG" in capsys.readouterr().out


def test_lower_precision():
    device = "/device:CPU:0"
    row = gpu.measure("mlp", "implicit", "mixed_bfloat16", False, device, 1, True)
    assert row["finite"] and math.isfinite(row["ratio_to_plain"])
