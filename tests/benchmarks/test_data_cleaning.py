"""The benchmark of data cleaning, its own side, on random images."""

import warnings

import numpy as np
import pytest

from benchmarks import data_cleaning


def test_each_way_is_measured(monkeypatch):
    monkeypatch.setattr(data_cleaning, "EXAMPLES", 200)
    monkeypatch.setattr(data_cleaning, "CHECKED", 100)
    generator = np.random.default_rng(0)
    x = generator.normal(size=(500, 20)).astype("float32")
    y = (x[:, 0] > 0) + 2 * (x[:, 1] > 0)
    data = data_cleaning.make_data((x[:400], y[:400], x[400:], y[400:]), seed=0)
    # Seven of ten have random labels, six of ten of these are of other classes.
    assert 0.3 < (data["y"] > 3).mean() < 0.55
    asked = []

    def ask(*command):
        asked.append(command)
        return {"first": 1.0, "rate": 10.0, "errors": [0.5]}

    monkeypatch.setattr(data_cleaning, "ask", ask)
    with warnings.catch_warnings():
        # So few steps neither learn nor teach anything.
        warnings.simplefilter("ignore")
        found = data_cleaning.measure(data, 0, [0.01], "python")
    assert asked[0][:2] == ("python", "engines.jax_soba")
    rows = {row["way"]: row for row in data_cleaning.rows_of([found], [0.01])}
    assert set(data_cleaning.WAYS) < set(rows)
    assert all(0 <= row["mean"] <= 1 for row in rows.values())
    assert all(rows[name]["rate"] > 0 for name in data_cleaning.WAYS)
    assert rows["the checked alone, minimum"]["mean"] < 0.4


def test_a_rate_over_the_root_of_the_step():
    rate = data_cleaning.OverRoot(2.0)
    assert [float(rate(step)) for step in (0, 3)] == pytest.approx([2.0, 1.0])
