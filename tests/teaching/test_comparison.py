"""What is said of a commentary's gain."""

import json

import numpy as np
import pytest

from tfcommentaries.teaching import Comparison, Condition, Row

ROLES = {"it": "ours", "trusted": "ours", "plain": "plain", "known": "oracle"}
NOISE = np.array([-0.01, 0.0, 0.01])


def compare(metric="accuracy", noise=NOISE, **curves):
    """A comparison of scores at steps 10 and 20, of three students each."""
    conditions = [Condition(c, "", ROLES.get(c, "baseline")) for c in curves]
    rows = [
        Row(name, step, metric, tuple(score + noise * (1 + number)))
        for number, (name, curve) in enumerate(curves.items())
        for step, score in zip((10, 20), curve)
    ]
    return Comparison(tuple(conditions), tuple(rows))


def test_gains_are_paired():
    values = {"it": (0.5, 0.7, 0.9), "plain": (0.4, 0.5, 0.8)}
    rows = [Row(name, 1, "accuracy", ones) for name, ones in values.items()]
    found = Comparison(tuple(Condition(n, "", ROLES[n]) for n in values), tuple(rows))
    gain, differences = found.gain("it", "plain"), np.array([0.1, 0.2, 0.1])
    assert gain.mean == pytest.approx(differences.mean())
    assert gain.error == pytest.approx(differences.std(ddof=1) / np.sqrt(3))
    assert str(gain) == "+13.3 ± 3.3" and gain.unit == "points"
    assert found.gain("plain", "it").mean == pytest.approx(-gain.mean)
    assert found.score("it").mean == pytest.approx(0.7)
    assert found.score("it").std == pytest.approx(np.std([0.5, 0.7, 0.9], ddof=1))


def test_a_gain_is_certain_above_two_standard_errors():
    """Differences `d - 1, d, d + 1` have a standard error of the root of 1 / 3."""
    for mean, certain in ((2 / 3**0.5 + 1e-6, True), (2 / 3**0.5 - 1e-6, False)):
        found = compare(noise=100 * NOISE, plain=(0, 0), it=(0, mean))
        assert bool(found.beaten("it")) == certain
        assert found.verdict().answer == ("yes" if certain else "no")


def test_the_metric_that_tells_most():
    def metric(*names):
        rows = tuple(Row("it", 1, name, (0.0,)) for name in names)
        return Comparison((Condition("it"),), rows).metric

    assert metric("loss", "accuracy") == "accuracy"
    assert metric("accuracy", "auc") == "auc"
    assert metric("top_k", "loss", "training_loss") == "loss"


@pytest.mark.parametrize("metric", ["mae", "loss", "training_loss", "squared_error"])
def test_a_smaller_error_is_a_gain(metric):
    gain = compare(metric, plain=(3, 3), it=(2, 2)).gain("it", "plain", metric=metric)
    assert gain.mean == pytest.approx(1) and gain.certain
    assert gain.unit == f"in {metric}"


def test_yes_is_for_what_beats_every_baseline():
    found = compare(plain=(0.4, 0.5), rule=(0.9, 0.6), it=(0.7, 0.8)).verdict()
    assert found.answer == "yes" and found.recommended.name == "it"
    assert found.text == (
        "Yes. With it, new students do better than with every alternative: +20.0 ± 0.6 "
        "points over the best of these, rule, and +30.0 ± 1.2 points over plain."
    )


@pytest.mark.parametrize(
    "rule, does",
    [
        (0.8, "as well (+0.0 ± 0.6 points)"),
        (0.791, "as well (+0.9 ± 0.6 points)"),
        (0.809, "as well (-0.9 ± 0.6 points)"),
        (0.9, "better (by 10.0 ± 0.6 points)"),
    ],
)
def test_a_rule_that_is_not_beaten_is_recommended(rule, does):
    curves = {"plain": (0.4, 0.5), "rule": (0.5, rule), "it": (0.7, 0.8)}
    found = compare(other=(0.1, 0.1), **curves).verdict()
    assert found.answer == "better than plain" and found.recommended.name == "rule"
    assert found.text == (
        "Better than plain (+30.0 ± 1.2 points, with it). A simpler way, rule, does "
        f"{does}."
    )


@pytest.mark.parametrize("better", ["it", "trusted"])
def test_the_better_use_of_a_commentary_counts(better):
    curves = {"it": (0, 0.7), "trusted": (0, 0.7), better: (0, 0.9)}
    found = compare(plain=(0, 0.5), rule=(0, 0.8), **curves).verdict()
    assert found.answer == "yes" and found.recommended.name == better


def test_a_use_that_beats_all_comes_before_one_with_more_gain_and_more_noise():
    values = {
        "it": [0.5, 0.9, 1.3],
        "trusted": [0.79, 0.8, 0.81],
        "plain": [0.49, 0.5, 0.51],
        "rule": [0.69, 0.7, 0.71],
    }
    found = Comparison(
        tuple(Condition(name, "", ROLES.get(name, "baseline")) for name in values),
        tuple(Row(n, 1, "accuracy", tuple(ones)) for n, ones in values.items()),
    )
    assert found.best.name == found.verdict().recommended.name == "trusted"


@pytest.mark.parametrize("it, says", [(0.5, "no better than"), (0.4, "worse than")])
def test_nothing_is_recommended_that_does_not_beat_plain_training(it, says):
    """Whatever a rule does."""
    for rule in (0.3, 0.9):
        found = compare(plain=(0.5, 0.5), rule=(0, rule), it=(0.9, it)).verdict()
        assert found.answer == "no" and found.recommended is None
        assert f"do {says} with plain" in found.text and "Do not use" in found.text


def test_one_student_or_one_that_diverged_is_no_evidence():
    one = compare(noise=NOISE[1:2], plain=(0, 0.5), it=(0, 0.9))
    assert one.verdict().answer == "unknown" and one.verdict().recommended is None
    assert "nan" not in one.table() and "+40.0 points over plain" in one.verdict().text
    assert not one.gain("it", "plain").certain
    diverged = compare("mae", plain=(1, np.nan), rule=(1, np.nan), it=(1, 0.5))
    assert diverged.verdict().answer == "no"


def test_what_nobody_can_know_is_no_rival():
    found = compare(plain=(0, 0.5), known=(0, 0.9), it=(0, 0.8))
    assert found.verdict().answer == "yes" and "known" not in found.verdict().text


def test_the_table_has_every_condition_its_explanation_and_the_verdict():
    conditions = (
        Condition("it", "Taught.", "ours"),
        Condition("plain", "As they are.", "plain"),
        Condition("known", "All right.", "oracle"),
    )
    rows = compare(it=(0.5, 0.9), plain=(0.4, 0.5), known=(1, 1)).rows
    text = Comparison(conditions, rows).table()
    assert "it          0.500 ± 0.010 0.900 ± 0.010" in text
    assert "over plain    +10.0 ± 0.6   +40.0 ± 0.6" in text
    assert "over known" not in text and "  known: All right." in text
    assert text.replace("\n", " ").endswith(Comparison(conditions, rows).verdict().text)


@pytest.mark.parametrize("columns", [30, 60, 200])
def test_where_there_is_little_room_the_last_step_is_shown(columns):
    found = compare(plain=(0.1, 0.2), it=(0.3, 0.4))
    head = next(
        line for line in found.table(columns).splitlines() if "training step" in line
    )
    assert head.split()[-1] == "20"
    assert found.spaced_steps(1) == [20] and found.spaced_steps(2) == [10, 20]


def test_the_table_fits_a_terminal():
    names = [f"a way to train students, {i}" for i in range(3)]
    roles = ["ours", "plain", "baseline"]
    conditions = tuple(
        Condition(name, "many words " * 20, role) for name, role in zip(names, roles)
    )
    rows = [Row(n, s, "accuracy", (0.5, 0.6)) for n in names for s in range(1, 8)]
    found = Comparison(conditions, tuple(rows))
    for columns in (60, 80, 200):
        lines = found.table(columns).splitlines()
        assert max(map(len, lines)) <= columns
        steps = lines[1].removeprefix("training step").split()
        assert steps[-1] == "7" and len(steps) == {60: 2, 80: 3, 200: 4}[columns]


def test_it_comes_back_from_json():
    found = compare("mae", plain=(3, 3), it=(2, 2))
    config = json.loads(json.dumps(found.get_config()))
    assert Comparison.from_config(config) == found
    assert config["rows"][0]["mean"] == pytest.approx(3)


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config.pop("rows"),
        lambda config: config["rows"].pop(),
        lambda config: config["rows"].append(config["rows"][0]),
        lambda config: config["rows"][0]["values"].pop(),
        lambda config: config["rows"][0].update(values=3),
        lambda config: config["rows"][0].update(condition="else"),
        lambda config: config["conditions"].append(config["conditions"][0]),
        lambda config: config["conditions"][0].update(role="king"),
        lambda config: config.update(conditions=[], rows=[]),
    ],
)
def test_what_is_no_comparison_is_refused(change):
    config = compare(plain=(3, 3), it=(2, 2)).get_config()
    change(config)
    with pytest.raises(ValueError) as raised:
        Comparison.from_config(config)
    assert len(str(raised.value)) <= 400


def test_without_a_use_or_plain_training_nothing_can_be_said():
    with pytest.raises(ValueError, match="'rule' is 'baseline'"):
        compare(rule=(0, 0), it=(0, 0)).verdict()
    with pytest.raises(ValueError, match="Nothing was measured for 'at'"):
        compare(rule=(0, 0)).score("at")
