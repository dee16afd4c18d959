"""Errors that the documents explain are those that are raised."""

import ast
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]


def texts(path):
    """Texts of a file, what is filled in left out."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            yield "".join(v.value for v in node.values if isinstance(v, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_quotes_errors_word_for_word():
    _, errors = (ROOT / "docs" / "faq.md").read_text().split("## Errors")
    quoted = re.findall(r"^\*\*(.+?)\*\*", errors, re.M)
    raised = [t for p in (ROOT / "tfcommentaries").rglob("*.py") for t in texts(p)]
    assert len(quoted) > 8
    for text in quoted:
        assert any(text in one for one in raised), text
