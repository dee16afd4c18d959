"""The page about weights of sources: few, very many, and hostile names."""

import dataclasses
import shutil

import numpy as np
import pytest
from insights.test_report import evaluation, first_screen, in_browser

from tfcommentaries import (
    GroupWeighting,
    insights,
)
from tfcommentaries.commentaries.group_table import GroupTable, advise
from tfcommentaries.teaching import Comparison
from tfcommentaries.teaching.conditions import TRUSTED_SOURCES


class Sources:
    """What a report needs of an exported group weighting with such a table."""

    kind, description, doubt = "group_weighting", GroupWeighting.description, None
    uses_student_loss = uses_progress = serves_students = False

    def __init__(self, names):
        names = list(names)
        self.applying = GroupWeighting(["any"])
        self.entries = {
            "column": ["group"] * len(names),
            "group": names,
            "examples": [2] * len(names),
            "weight": np.linspace(1, 0, len(names)),
        }

    def table(self):
        table = GroupTable(self.entries)
        advice = advise(table.entries, self.doubt)
        return GroupTable({**table.entries, "advice": advice}, self.doubt)


def test_a_doubt_is_said_first_and_no_source_is_trusted(tmp_path):
    commentary = Sources("abc")
    commentary.doubt = "Nothing can be <said> yet."
    insights.write_report(
        tmp_path / "it.html", commentary, comparison=evaluation(0.2), facts={}
    )
    text = (tmp_path / "it.html").read_text()
    shown = first_screen(text)
    assert shown.index("Do not rely on this yet. Nothing can be <said>") < shown.index(
        "Train with"
    )
    assert shown.count("unknown") == 3 and "trust" not in shown.replace("trusts", "")


def test_the_sources_to_train_on_are_named(tmp_path):
    found = evaluation(0.2)
    conditions = tuple(
        dataclasses.replace(one, name=TRUSTED_SOURCES) if one.role == "ours" else one
        for one in found.conditions
    )
    rows = tuple(
        row._replace(condition=TRUSTED_SOURCES)
        if row.condition == "the commentary"
        else row
        for row in found.rows
    )
    insights.write_report(
        tmp_path / "it.html",
        Sources(["Rome", "<i>Bern", "Oslo", "Bonn"]),
        comparison=Comparison(conditions, rows),
        facts={"dataset": "t.csv", "group_column": "site"},
    )
    shown = first_screen((tmp_path / "it.html").read_text())
    assert shown.startswith('id="main"> t.csv: 4 sources by site, 8 training examples')
    assert "Train on Rome and <i>Bern only: accuracy 0.810 against 0.600" in shown
    assert "Bonn 0.00 drop" in shown


def test_intervals_are_bars_and_a_column(tmp_path):
    commentary = Sources("ab")
    commentary.entries |= {"low": [0.75, 0.0], "high": [1.0, 0.625]}
    insights.write_report(tmp_path / "it.html", commentary, facts={})
    text = (tmp_path / "it.html").read_text()
    assert '<u style="left:75.0%;width:25.0%">' in text
    assert "<td>0.75 to 1.00</td><td>trust</td>" in text
    assert "<td>0.00 to 0.62</td><td>cannot tell</td>" in text
    assert "half of the largest weight, in every learning." in text
    insights.write_report(tmp_path / "it.html", Sources("ab"), facts={})
    text = (tmp_path / "it.html").read_text()
    assert "<u " not in text and "interval" not in text


@pytest.mark.parametrize("count", [12, 13, 1000, 100_000])
def test_of_many_sources_it_says_where_the_others_are(count, tmp_path):
    commentary = Sources(f"worker {i}" for i in range(count))
    insights.write_report(tmp_path / "it.html", commentary, facts={}, location="my/c")
    text = (tmp_path / "it.html").read_text()
    assert len(text) < 1_000_000
    shown, table = first_screen(text), text.split('<table id="table-of-sources">')[1]
    assert f"{count:,} sources, {2 * count:,} training examples" in shown
    assert shown.count("worker") == 12
    assert ("more between" in shown) == ('class="histogram"' in text) == (count > 12)
    assert table.count("worker") == min(count, 1000)
    assert f">worker {count - 1}<" in table
    assert ("The whole table" in text) == (count > 1000)


def test_names_of_sources_cannot_harm_the_page(tmp_path):
    hostile = [
        "</script><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "$\\frac$",
        "{{ 7 * 7 }}",
        "x" * 100_000,
        "",
        3,
    ]
    insights.write_report(
        tmp_path / "it.html",
        Sources(hostile),
        facts={"dataset": hostile[0], "group_column": hostile[1]},
        location=hostile[0],
    )
    text = (tmp_path / "it.html").read_text()
    assert text.count("<script") == text.count("</script>") == 1
    assert "<img" not in text and "49" not in first_screen(text)
    assert len(text) < 50_000


def test_a_table_of_sources_can_be_searched(tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed here")
    file = tmp_path / "report.html"
    insights.write_report(file, Sources(f"worker {i}" for i in range(1000)), facts={})
    probe = """<script>
      const box = document.querySelector("input[type=search]");
      const shown = () => document.querySelectorAll(
        "#table-of-sources tbody tr:not([hidden])").length;
      const of = text => {
        box.value = text; box.dispatchEvent(new Event("input")); return shown()};
      document.title = JSON.stringify({
        box: !box.hidden, some: of("Worker 99"), none: of("nobody")})</script>"""
    found = in_browser(browser, file, probe, tmp_path, 360)
    assert found == {"box": True, "some": 11, "none": 0}


def test_a_source_that_the_table_leaves_out_is_found(tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed here")
    file = tmp_path / "report.html"
    names = (f"worker {i}" for i in range(100_000))
    insights.write_report(file, Sources(names), facts={})
    assert file.stat().st_size < 1_000_000
    probe = """<script>
      const box = document.querySelector("input[type=search]");
      const rows = () => [...document.querySelectorAll(
        "#table-of-sources tbody tr:not([hidden])")].map(
        row => [...row.cells].map(cell => cell.textContent));
      const of = async text => {box.value = text; await box.oninput(); return rows()};
      (async () => {document.title = JSON.stringify({
        one: await of("Worker 54321"), several: (await of("worker 5432")).length,
        none: (await of("nobody")).length, all: (await of("")).length})})()</script>"""
    found = in_browser(browser, file, probe, tmp_path, 360)
    assert found == {
        "one": [["worker 54321", "2", "0.46", "look at"]],
        "several": 11,
        "none": 0,
        "all": 1000,
    }
