"""Tables of groups: rows for people, columns for programs."""

import json

import numpy as np
import pytest

from tfcommentaries.commentaries import GroupTable
from tfcommentaries.commentaries.group_table import advise

ROWS = [
    {
        "column": "site",
        "group": "Rome",
        "examples": 3,
        "weight": 0.9,
        "advice": "trust",
    },
    {
        "column": "year",
        "group": 1999,
        "examples": 2,
        "weight": 0.8,
        "advice": "cannot tell",
        "low": 0.1,
        "high": 0.95,
        "weight_by_class": [0.7, 0.9],
    },
    {"column": "site", "group": "Bern", "examples": 1, "weight": 0.1, "advice": "drop"},
]


def test_rows_come_back_as_plain_values():
    table = GroupTable.of_rows(ROWS)
    assert len(table) == 3 and list(table) == ROWS and table == ROWS
    assert table[1] == ROWS[1] and table[-1] == ROWS[-1]
    assert json.loads(json.dumps(list(table))) == ROWS
    assert GroupTable(json.loads(json.dumps(table.to_dict()))) == table
    with pytest.raises(IndexError):
        table[3]


def test_a_slice_is_a_table_that_names_groups_as_the_whole_does():
    table = GroupTable.of_rows(ROWS, "Who knows?")
    assert table.columns == ["site", "year"]
    assert table.names() == ["site Rome", "year 1999", "site Bern"]
    first = table[:1]
    assert first == ROWS[:1] and first.names() == ["site Rome"]
    assert str(first).endswith("Who knows?") and "interval" not in str(first)
    assert "0.10 to 0.95" in str(table)
    first, last = table.ends(2)
    assert (list(first), list(last)) == (ROWS[:1], ROWS[2:])
    assert not table.ends(3)[1] and table.ends(3)[1].names() == []


def test_joined_tables_are_ordered_by_weight():
    parts = [GroupTable.of_rows(rows) for rows in (ROWS[2:], ROWS[:2])]
    assert GroupTable.joined(parts) == ROWS


def test_values_for_each_row_are_needed():
    with pytest.raises(ValueError, match="a value for each row.*'weight': 1"):
        GroupTable({"group": ["a", "b"], "weight": [0.5]})


@pytest.mark.parametrize(
    "entries, expected",
    [
        ({}, ["trust", "trust", "look at", "drop"]),
        ({"seen": [0, 9, 9, 9]}, ["not seen", "trust", "look at", "drop"]),
        ({"seen": [0, 0, 0, 9]}, ["not seen"] * 3 + ["no difference"]),
        ({"only_class": [0, 0, 1, 1]}, ["class weight"] * 4),
        ({"only_class": [0, None, 1, 1]}, ["trust", "trust", "look at", "drop"]),
        (
            {"low": [0.8, 0.3, None, 0], "high": [1, 0.7, None, 0.1]},
            ["trust", "cannot tell", "look at", "drop"],
        ),
    ],
)
def test_advice_goes_by_the_largest_weight(entries, expected):
    weights = np.array([0.9, 0.5, 0.15, 0.05])
    given = GroupTable({"weight": weights, **entries}).entries
    assert advise(given).tolist() == expected
    assert set(advise(given, "a doubt")) == {"unknown"}


def test_weights_that_are_alike_say_nothing():
    assert set(advise({"weight": np.array([0.9, 0.8, 0.73])})) == {"no difference"}
    assert set(advise({"weight": np.array([0.9])})) == {"no difference"}
