"""Notebooks hold their pages, whose code is tested, and what it printed."""

import json
import re

import pytest
from pages import DOCS, blocks

NOTEBOOKS = sorted(DOCS.rglob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_their_pages(path):
    """`make notebooks` makes them anew."""
    assert path.stat().st_size < 100_000
    cells = json.loads(path.read_text())["cells"]
    found = [cell for cell in cells if cell["cell_type"] == "code"]
    page = path.with_suffix(".md").relative_to(DOCS)
    code = ["".join(cell["source"]).strip() for cell in found]
    assert code == [block.strip() for block in blocks(page)]
    prose = re.sub(
        r"```python\n.*?```", "", path.with_suffix(".md").read_text(), flags=re.S
    )
    texts = ["".join(cell["source"]) for cell in cells if cell not in found]
    assert " ".join(texts).split() == prose.split()
    assert all(cell["execution_count"] for cell in found)
    kinds = {o["output_type"] for cell in found for o in cell["outputs"]}
    assert kinds and "error" not in kinds


def test_tutorials_have_notebooks():
    assert {path.stem for path in NOTEBOOKS} == {
        path.stem for path in DOCS.glob("tutorials/*.md")
    }
