"""Runs the Python blocks of a page of the documents."""

import pathlib
import re

DOCS = pathlib.Path(__file__).parents[1] / "docs"


def blocks(page):
    """The Python blocks of a page."""
    return re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(), re.S | re.M)


def run(page, names=None, change=lambda code: code):
    """Runs the blocks of a page one after the other; gives the names they leave."""
    names = {"__name__": page, **(names or {})}
    for number, code in enumerate(blocks(page)):
        code = compile(change(code), f"{page}, block {number + 1}", "exec")
        exec(code, names)
    return names
