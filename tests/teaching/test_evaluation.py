"""Comparing students fairly."""

import keras
import numpy as np
import pytest
from models import make_student

from tfcommentaries import GroupWeighting
from tfcommentaries.commentaries import ConstantWeighting
from tfcommentaries.teaching import evaluate, paired_gain


def test_conditions_that_are_the_same_come_out_the_same(digits):
    train, test = digits.train, digits.test
    conditions = {
        "plain": (*train, None),
        "ones": (*train, ConstantWeighting(1.0)),
        "none": (*train, ConstantWeighting(0.0)),
    }
    rows = evaluate(make_student(), conditions, test, 40, 20, seeds=2, batch_size=32)
    assert {(r["condition"], r["student_step"], r["metric"]) for r in rows} == {
        (c, s, m) for c in conditions for s in (20, 40) for m in ("accuracy", "loss")
    }
    found = {(r["condition"], r["student_step"], r["metric"]): r for r in rows}
    plain = found["plain", 40, "accuracy"]
    np.testing.assert_allclose(plain["values"], found["ones", 40, "accuracy"]["values"])
    assert plain["seeds"] == 2
    assert plain["mean"] == pytest.approx(np.mean(plain["values"]))
    assert plain["std"] == pytest.approx(np.std(plain["values"], ddof=1))
    # The two students differ, and without a weight nobody learns.
    assert plain["values"][0] != plain["values"][1]
    assert found["none", 40, "accuracy"]["mean"] < plain["mean"] - 0.3


def test_only_the_last_test_is_on_all(digits):
    (x, y), student = digits.train, make_student()

    def curve(**options):
        plain = {"plain": (x, y, None)}
        rows = evaluate(student, plain, digits.test, 8, 4, 1, 32, **options)
        return [r["values"][0] for r in rows if r["metric"] == "accuracy"]

    all_first, all_last = curve()
    first, last = curve(tested_on_the_way=50)
    assert last == all_last
    assert first == pytest.approx(round(50 * first) / 50) != all_first


def test_inputs_may_have_groups_beside_them(digits):
    x, y = (part[:60] for part in digits.train)
    weighting = GroupWeighting(y % 3)
    conditions = {
        "weighted": (weighting.add_groups(x, y % 3), y, weighting),
        "plain": (x, y, None),
    }
    rows = evaluate(make_student(), conditions, digits.test, 2, 2, 1, 32)
    found = {r["condition"]: r["mean"] for r in rows if r["metric"] == "loss"}
    # All weights are alike before any is learned.
    assert found["weighted"] == pytest.approx(found["plain"], rel=1e-4)


def test_gains_are_paired():
    rows = [
        {"condition": c, "student_step": 1, "metric": "accuracy", "values": v}
        for c, v in (("a", [0.5, 0.7, 0.9]), ("b", [0.4, 0.5, 0.8]))
    ]
    mean, error = paired_gain(rows, "a", "b", "accuracy", 1)
    assert mean == pytest.approx(0.4 / 3)
    assert error == pytest.approx(np.std([0.1, 0.2, 0.1], ddof=1) / np.sqrt(3))


def test_steps_must_be_a_multiple(digits):
    with pytest.raises(ValueError, match="multiple"):
        evaluate(make_student(), {}, digits.test, 10, 3, seeds=1, batch_size=8)


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A user's own, which has no config."""

    def __call__(self, step):
        return 0.01


def test_an_optimizer_in_use_starts_anew_with_its_own_schedule(digits):
    student = make_student(optimizer=keras.optimizers.Adam(Schedule()))
    plain = {"plain": (*digits.train, None)}
    arguments = plain, digits.test, 2, 2, 1, 32
    rows = evaluate(student, *arguments)
    assert int(student.optimizer.iterations) == 2
    np.testing.assert_array_equal(
        [r["values"] for r in rows],
        [r["values"] for r in evaluate(student, *arguments)],
    )
