"""The README's code runs as written, and does what it promises."""

import pathlib
import re

README = pathlib.Path(__file__).parents[1] / "README.md"


def first_code(page):
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.S)
    return code


def test_the_first_code_block_runs_as_pasted_and_teaches(capsys):
    names = {}
    exec(compile(first_code(README), README.name, "exec"), names)
    printed = capsys.readouterr().out
    assert printed.count("  trust\n") == 3 and printed.count("  drop\n") > 4
    assert "3 of 10 sources trusted" in printed
    good = {name for name, fault in names["faults"].items() if fault == "nothing"}
    assert set(names["weighting"].table().trusted()) == good
    x, y = names["digits"].test
    # Without the weights it is about 0.6.
    assert (names["model"].predict(x, verbose=0).argmax(-1) == y).mean() > 0.85


def test_the_first_page_is_short_and_home_has_its_code():
    assert len(README.read_text().split()) <= 600
    code = first_code(README)
    assert len([line for line in code.splitlines() if line]) <= 20
    assert first_code(README.parent / "docs" / "index.md") == code
