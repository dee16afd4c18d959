"""Pictures show what they are given."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import StepPatch
from matplotlib.text import Text

from tfcommentaries import AttentionMask, ExampleWeighting, GroupWeighting, insights
from tfcommentaries.commentaries.group_table import GroupTable
from tfcommentaries.datasets import Examples
from tfcommentaries.insights.gains import condition_colors
from tfcommentaries.teaching import Comparison, Condition, Row

RULES = [f"rule {i}" for i in range(6)]
COMPARISON = Comparison(
    (
        Condition("the commentary", "", "ours"),
        Condition("plain training", "", "plain"),
        *(Condition(rule) for rule in RULES),
        Condition("the truth", "", "oracle"),
    ),
    tuple(
        Row(name, step, metric, (0.9 * top * step, 1.1 * top * step))
        for metric in ("accuracy", "loss")
        for name, top in (
            ("the commentary", 0.3),
            ("plain training", 0.1),
            *((rule, 0.2 + i / 100) for i, rule in enumerate(RULES)),
            ("the truth", 0.4),
        )
        for step in (1, 2)
    ),
)


def test_learning_curves_have_a_line_per_condition():
    (axes,) = insights.learning_curves(COMPARISON).axes
    lines = {line.get_label(): line for line in axes.lines}
    np.testing.assert_allclose(lines["plain training"].get_ydata(), [0.1, 0.2])
    np.testing.assert_allclose(lines["rule 0"].get_ydata(), [0.2, 0.4])
    assert axes.get_title() == "New students (mean and std of 2)"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "the truth",
        "the commentary",
        *RULES[::-1],
        "plain training",
    ]


@pytest.mark.parametrize(
    "metric, best", [(None, "the truth"), ("loss", "plain training")]
)
def test_curves_and_bars_have_the_colours_of_the_conditions(metric, best):
    (curves,) = insights.learning_curves(COMPARISON, metric).axes
    (bars,) = insights.final_scores(COMPARISON, metric).axes
    names = [label.get_text() for label in bars.get_yticklabels()]
    assert names[-1] == best
    found = {n: to_hex(bar.get_facecolor()) for n, bar in zip(names, bars.patches)}
    assert found == {line.get_label(): line.get_color() for line in curves.lines}
    assert len(set(found.values())) == len(COMPARISON.conditions)


@pytest.mark.parametrize("count", [2, 10])
def test_weights_have_a_line_per_group_with_examples(count):
    groups = {str(i): np.arange(20) % count == i for i in range(count)}
    groups["nobody"] = np.zeros(20, bool)
    weights = np.stack([np.arange(20) % count, np.arange(20) % count + 1])
    (axes,) = insights.weights_over_progress([0, 1], weights, groups).axes
    assert len(axes.lines) == count
    np.testing.assert_allclose(axes.lines[1].get_ydata(), [1, 2])


@pytest.mark.parametrize("curriculum", [False, True])
def test_weights_of_wrong_labels_can_be_seen(curriculum, vectors):
    x, y = vectors
    weighting = ExampleWeighting(curriculum=curriculum)
    found = insights.views(weighting, Examples(x, y), corrupted=y == 0)
    (axes,) = {v.name: v for v in found}["weights_by_label_quality"].figure.axes
    assert axes.lines and all(len(line.get_xdata()) > 1 for line in axes.lines)


@pytest.mark.parametrize("channels", [1, 3])
def test_examples_are_ranked(channels):
    weights = np.array([0.2, 0.9, 0.1, 0.5])
    x = np.zeros((4, 3, 3, channels))
    figure = insights.ranked_examples(x, list("abcd"), weights, count=2)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["b\n0.900", "d\n0.500", "c\n0.100", "a\n0.200"]


def test_history_shows_loss_and_norm():
    history = {"outer_step": [1, 2], "loss": [3, 2], "hypergradient_norm": [1, 10]}
    left, right = insights.learning_history(history).axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), [3, 2])
    np.testing.assert_allclose(right.lines[0].get_ydata(), [1, 10])


@pytest.mark.parametrize("count, bars", [(40, 40), (41, 12)])
def test_of_many_sources_the_first_and_the_last_are_drawn(count, bars):
    table = GroupTable(
        {
            "column": ["site"] * count,
            "group": [f"$\\frac$ {i}" for i in range(count)],
            "examples": [1] * count,
            "weight": [1 - i / 50 for i in range(count)],
            "advice": ["trust"] * 20 + ["drop"] * (count - 20),
        }
    )
    figure = insights.group_weights(table, {"$\\frac$ 0": "nothing wrong"})
    figure.savefig(io.BytesIO(), dpi=20)
    (axes,) = figure.axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert sum(len(bars) for bars in axes.containers) == len(names) == bars
    assert names[0] == "$\\frac$ 0: nothing wrong"
    assert names[-1] == f"$\\frac$ {count - 1}"
    steps = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
    assert len(steps) == len(axes.texts) == (count > 40)
    if steps:
        assert axes.texts[0].get_text() == "29 more between; all weights:"
        tops, edges, below = steps[0].get_data()
        counts = np.histogram(table.entries["weight"], edges)[0]
        np.testing.assert_allclose((below - tops) * counts.max(), counts * 4)
        # Between the bars of the first and of the last.
        assert tops.min() >= 6 and below == axes.get_yticks()[6] - 1


def test_intervals_of_weights_are_drawn():
    weighting = GroupWeighting(["good", "bad", "worse"])
    learned = [[2.0, -2.0, -3.0], [1.0, -1.0, -3.0]]
    weighting.combine([[np.reshape(logits, [3, 1, 1])] for logits in learned])
    (axes,) = insights.group_weights(weighting.table()).axes
    (bars,) = [one for one in axes.containers if hasattr(one, "has_xerr")]
    segments = bars.lines[2][0].get_segments()
    ends = [[x for x, _ in segment] for segment in segments]
    expected = [[row["low"], row["high"]] for row in weighting.table()]
    np.testing.assert_allclose(ends, expected, atol=1e-6)


def test_nine_lines_have_nine_colours():
    roles = ["ours"] * 2 + ["plain"] + ["baseline"] * 8 + ["oracle"]
    conditions = [Condition(str(i), "", role) for i, role in enumerate(roles)]
    assert len(set(condition_colors(conditions).values())) == len(roles)


def test_texts_can_be_read_on_a_phone(digits):
    """Nine pixels of 328, the width of a phone's screen without margins."""
    examples = Examples(digits.train.x[:20], digits.train.y[:20])
    figures = [insights.learning_curves(COMPARISON), insights.final_scores(COMPARISON)]
    for commentary in ExampleWeighting(curriculum=True), AttentionMask():
        figures += [view.figure for view in insights.views(commentary, examples)]
    row = {"column": "site", "group": "Rome", "examples": 1, "weight": 0.5}
    table = GroupTable.of_rows([{**row, "advice": "no difference"}])
    figures.append(insights.group_weights(table))
    assert len(figures) == 7
    for figure in figures:
        sizes = [text.get_fontsize() for text in figure.findobj(Text)]
        assert min(sizes) / 72 * 328 / figure.get_figwidth() >= 9
