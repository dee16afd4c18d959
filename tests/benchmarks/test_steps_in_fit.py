"""The benchmark of training steps in `fit` runs."""

import warnings

from benchmarks import steps_in_fit


def test_measures_each_way():
    with warnings.catch_warnings():
        # Two steps neither learn nor teach anything.
        warnings.simplefilter("ignore")
        found = steps_in_fit.measure(steps=2, steps_per_execution=2)
    assert list(found) == ["keras", "taught", "learning"]
    assert all(rate > 0 for pair in found.values() for rate in pair)
