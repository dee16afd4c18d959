"""The API reference has every public name."""

import importlib
import pathlib

import pytest

API = pathlib.Path(__file__).parents[2] / "docs" / "api"
PACKAGES = (
    "commentaries",
    "datasets",
    "hypergradients",
    "insights",
    "learning",
    "saving",
    "students",
    "teaching",
)


@pytest.mark.parametrize("package", PACKAGES)
def test_lists_all(package):
    names = importlib.import_module(f"tfcommentaries.{package}").__all__
    pages = "".join(path.read_text() for path in API.glob("*.md"))
    listed = {line.removeprefix("::: ") for line in pages.splitlines()}
    assert {f"tfcommentaries.{package}.{name}" for name in names} <= listed
