"""Manifests that somebody changed are refused in a sentence, or shown harmlessly."""

import argparse
import json
import os

import numpy as np
import pytest

from tfcommentaries import GroupWeighting, SavedCommentary, export_commentary, insights
from tfcommentaries.cli import inspect

ROW = {"column": "a", "group": "b", "examples": 1, "weight": 0.5, "advice": "trust"}


@pytest.fixture
def exported(tmp_path):
    sites = np.array(["Rome", "Bern"])
    weighting = GroupWeighting(sites)
    weighting(weighting.add_groups(np.zeros((2, 3), "float32"), sites))
    weighting.logits["group"].assign([[[1.0]], [[-1.0]]])
    export_commentary(weighting, tmp_path / "it")
    return tmp_path / "it"


def change(exported, **entries):
    file = exported / "assets" / "commentary.json"
    manifest = {**json.loads(file.read_text()), **entries}
    file.write_text(json.dumps({k: v for k, v in manifest.items() if v is not None}))


def test_inspect_sends_a_terminal_no_commands(exported, capsys):
    evil = "\x1b]0;owned\x07\x1b[2J\r\n\u202e\x9b"
    change(
        exported,
        kind=evil,
        created=evil,
        learned={evil: evil, "long": "x" * 10**6, "nested": {"a": [evil]}},
        metrics={"loss": 0.5},
        versions=None,
    )
    inspect.run(argparse.Namespace(commentary=exported, json=False))
    printed = capsys.readouterr().out
    assert all(c.isprintable() or c == "\n" for c in printed)
    assert r"\x1b[2J" in printed and "  loss: 0.5" in printed and len(printed) < 3000
    inspect.run(argparse.Namespace(commentary=exported, json=True))
    assert all(c.isprintable() or c == "\n" for c in capsys.readouterr().out)


@pytest.mark.parametrize(
    "row",
    [
        3,
        {},
        {"column": "a", "group": "b", "examples": 1},
        {"column": "a", "group": "b", "examples": 1, "weight": "0.5"},
        {"column": "a", "group": "b", "examples": 1, "weight": float("nan")},
        {"column": "a", "group": "b", "examples": 1, "weight": 0.5},
        {"column": ["a"], "group": "b", "examples": 1, "weight": 0.5},
        {**ROW, "low": 0.5},
        {**ROW, "low": "0.5", "high": 0.7},
        {**ROW, "low": -1, "high": 0.7},
        {
            "column": "a",
            "group": {"b": 1},
            "examples": 1,
            "weight": 0.5,
            "advice": "trust",
        },
    ],
)
@pytest.mark.parametrize("old", [True, False], ids=["of rows", "of entries"])
def test_a_table_of_anything_else_is_refused(exported, row, old):
    change(exported, table=[row], group_table=None)
    if not old and isinstance(row, dict):
        change(exported, group_table={k: [v] for k, v in row.items()}, table=None)
    with pytest.raises(ValueError, match=r"commentary.json: (table|group_|an? )"):
        SavedCommentary(exported)


def test_a_table_of_rows_as_once_written_is_read(exported):
    table = SavedCommentary(exported).table()
    rows = list(table)
    change(exported, table=rows, group_table=None)
    assert SavedCommentary(exported).table() == table == rows
    assert SavedCommentary(exported).trusted() == ["Bern"]


@pytest.mark.parametrize("number", [0, 1, 3])
def test_entries_of_other_lengths_are_refused(exported, number):
    table = SavedCommentary(exported).manifest["group_table"]
    change(exported, group_table={**table, "advice": ["trust"] * number})
    with pytest.raises(ValueError, match=f"advice must have 2 .* Found: {number}"):
        SavedCommentary(exported)


@pytest.mark.parametrize(
    "table, learned",
    [
        ([("site", f"s{i}", 1, i / 1e5) for i in range(100_000)][::-1], {}),
        ([("c" * 10**6, "n" * 10**6, 1, 0.5)], {"n" * 10**6: "v" * 10**6}),
        ([], {}),
    ],
)
def test_a_report_of_too_much_stays_short(exported, tmp_path, table, learned):
    keys = "column", "group", "examples", "weight"
    entries = {"advice": ["trust"] * len(table)}
    entries |= dict(zip(keys, map(list, zip(*table)), strict=False))
    change(exported, group_table=entries if table else None, learned=learned)
    insights.write_report(tmp_path / "it.html", SavedCommentary(exported))
    page = (tmp_path / "it.html").read_text()
    assert len(page) < 10**6
    if len(table) > 100:
        rows = page.split('aria-label="Table of sources"')[1].split("</table>")[0]
        assert 1000 <= rows.count("<tr") <= 1001 and "s99999<" in rows and "s0<" in rows


@pytest.mark.parametrize("name", ["saved_model.pb", "assets/commentary.json"])
def test_a_pipe_keeps_no_reader_waiting(exported, name):
    (exported / name).unlink()
    os.mkfifo(exported / name)
    with pytest.raises(ValueError, match=name):
        SavedCommentary(exported)
