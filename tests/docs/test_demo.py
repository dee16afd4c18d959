"""What `make demo` does is quick to say, and can be done."""

import pathlib
import re
import shlex

from tfcommentaries.cli import main

ROOT = pathlib.Path(__file__).parents[2]
SCRIPT = (ROOT / "scripts" / "demo.sh").read_text().replace("\\\n", " ")


def commands(text):
    """Parsed commands of a script, in order."""
    found = re.findall(r"^ *\$bin/(tfcommentaries .*)", text, re.M)
    return [main.parse(shlex.split(line)) for line in found]


def test_the_demo_is_a_learning_a_verdict_and_a_report():
    more, first = SCRIPT.split("\nfi\n")
    assert [one.command for one in commands(first)] == ["learn", "evaluate", "report"]
    learn, evaluate, _ = commands(first)
    assert learn.spoiled_sources
    # Few students, but enough to tell a gain from chance.
    assert evaluate.seeds * evaluate.steps <= 600 and evaluate.seeds >= 3
    assert [one.command for one in commands(more)] == ["learn", "evaluate", "report"]
    assert "experiments.coloured_digits.demo" in more
    assert "make demo-more" in first


def test_further_parts_have_a_target_of_their_own():
    rules = (ROOT / "Makefile").read_text()
    assert re.search(r"^demo: .*\n\t.*demo.sh \$\(BIN\)$", rules, re.M)
    assert re.search(r"^demo-more: .*\n\t.*demo.sh \$\(BIN\) more$", rules, re.M)
    assert {"demo", "demo-more"} <= set((ROOT / ".ci" / "run").read_text().split())


def test_titles_fit_a_terminal():
    assert all(len(title) <= 77 for title in re.findall(r'title "(.*)"', SCRIPT))
