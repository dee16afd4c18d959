"""Warnings about saturation and explosion."""

import warnings

import pytest

from tfcommentaries.learning.hypergradient_monitor import HypergradientMonitor


def logs(norm, low, high):
    return {
        "hypergradient_norm": norm,
        "annotation_min": low,
        "annotation_max": high,
        "annotation_mean": (low + high) / 2,
    }


def test_warns_once_of_saturation():
    monitor = HypergradientMonitor()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monitor.on_epoch_end(0, logs(1.0, 0.5, 0.5))
        monitor.on_epoch_end(1, logs(1.0, 0.2, 0.9))
        monitor.on_epoch_end(2, logs(1e-4, 0.2, 0.9))
    with pytest.warns(UserWarning, match=r"saturated.*0.999.*normalize='batch_mean'"):
        monitor.on_epoch_end(3, logs(1e-4, 0.998, 1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monitor.on_epoch_end(4, logs(1e-4, 0.998, 1.0))


def test_warns_of_explosion():
    with pytest.warns(UserWarning, match=r"exploded.*1e\+09.*truncate"):
        HypergradientMonitor().on_epoch_end(0, logs(1e9, 0.1, 0.9))
