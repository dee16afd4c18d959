"""What is said of a commentary's gain."""

import numpy as np
import pytest

from tfcommentaries.teaching import (
    beaten,
    main_metric,
    mean_and_std,
    paired_gain,
    verdict,
)


def rows_of(metric, **curves):
    """Rows of conditions, each with a score at steps 10 and 20; three seeds."""
    noise = np.array([-0.01, 0.0, 0.01])
    return [
        {
            "condition": name,
            "student_step": step,
            "metric": metric,
            **mean_and_std((score + noise).tolist()),
            "values": (score + noise * (1 + number)).tolist(),
        }
        for number, (name, curve) in enumerate(curves.items())
        for step, score in zip((10, 20), curve)
    ]


def test_the_metric_that_tells_most():
    assert main_metric(rows_of("accuracy", plain=(0, 0))) == "accuracy"
    both = rows_of("accuracy", plain=(0, 0)) + rows_of("auc", plain=(0, 0))
    assert main_metric(both) == "auc"
    assert main_metric(rows_of("top_k", plain=(0, 0))) == "loss"


def test_a_smaller_error_is_a_gain():
    rows = rows_of("mae", plain=(3, 3), commentary=(2, 2))
    assert paired_gain(rows, "commentary", "plain", "mae", 20)[0] == pytest.approx(1)
    assert beaten(rows) == ["plain"]
    assert verdict(rows) == "+1 ± 0.0058 in mae over plain training after 20 steps."


@pytest.mark.parametrize(
    "rule, says",
    [
        ((0.5, 0.6), "+20.0 ± 0.6 points over the best alternative (rule) after 20"),
        ((0.9, 0.6), "over plain training; behind rule at step 10."),
        ((0.5, 0.8), "which is no more than chance may give"),
        ((0.5, 0.9), "but rule is better by 10.0 ± 0.6 points: use that."),
    ],
)
def test_the_best_alternative_is_named(rule, says):
    curves = {"plain": (0.4, 0.5), "rule": rule, "commentary": (0.7, 0.8)}
    assert says in verdict(rows_of("accuracy", **curves))


def test_what_nobody_can_know_is_no_alternative():
    curves = {"plain": (0, 0.5), "good_sources_known": (0, 0.9), "commentary": (0, 0.8)}
    assert "good_sources_known" not in verdict(rows_of("accuracy", **curves))


def test_no_gain_is_said():
    said = verdict(rows_of("accuracy", plain=(0.5, 0.5), commentary=(0.6, 0.5)))
    assert "no gain over plain training" in said and "Do not use" in said
