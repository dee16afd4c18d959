"""The package as a whole: public names, and imports that point one way."""

import ast
import pathlib
import subprocess
import sys

import pytest

import tfcommentaries

ROOT = pathlib.Path(tfcommentaries.__file__).parent

# What each package may import of ours, from the top of the house to the bottom.
ALLOWED = {
    "version": set(),
    "typing": set(),
    "upstream": set(),
    "store": {"commentaries", "datasets", "saving"},
    "commentaries": {"upstream"},
    "students": {"upstream"},
    "optimizers": {"upstream"},
    "datasets": set(),
    "insights": {"commentaries", "saving", "teaching"},
    "recipe": {"commentaries", "hypergradients", "learning", "saving", "students"},
    "hypergradients": {"students", "optimizers", "commentaries", "upstream"},
    "saving": {"commentaries", "upstream", "version"},
    "learning": {
        "teaching",
        "hypergradients",
        "students",
        "optimizers",
        "commentaries",
        "upstream",
    },
    "teaching": {"saving", "optimizers", "students", "commentaries", "upstream"},
    "components": {
        "recipe",
        "datasets",
        "insights",
        "saving",
        "learning",
        "hypergradients",
        "commentaries",
        "students",
    },
    "cli": {
        "recipe",
        "insights",
        "teaching",
        "learning",
        "saving",
        "hypergradients",
        "students",
        "commentaries",
        "datasets",
        "store",
    },
}


def imported(file):
    """The dotted names of everything that a file imports, wherever it does.

    Without what only type checkers import.
    """
    tree = ast.parse(file.read_text())
    types = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    tree.body = [node for node in tree.body if node not in types]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


FILES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_imports_point_one_way(file):
    package = file.relative_to(ROOT).parts[0].removesuffix(".py")
    if package == "__init__":
        return
    for name in imported(file):
        first, *rest = name.split(".")
        if package != "components":
            assert first not in ("tfx", "tfx_bsl"), f"{file} imports {name}"
        if first == "tfcommentaries":
            if not rest:
                continue
            target = rest[0]
            if target in tfcommentaries._PUBLIC:
                target = tfcommentaries._PUBLIC[target]
            assert target in {package, "typing"} | ALLOWED[package], name


def test_private_modules_are_imported_in_one_room():
    for file in FILES:
        if file.parent.name != "upstream":
            names = [n for n in imported(file) if "keras.src" in n or ".python." in n]
            assert not names, f"{file}: import {names} in tfcommentaries/upstream"


def test_nobody_uses_the_keras_inside_tensorflow():
    for file in FILES:
        assert "tf.keras" not in file.read_text(), file


def test_public_names_exist():
    for name in tfcommentaries.__all__:
        assert getattr(tfcommentaries, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        tfcommentaries.nothing  # noqa: B018


def test_importing_everything_needs_no_extra():
    code = (
        "import sys\n"
        "sys.modules['matplotlib'] = sys.modules['jinja2'] = None\n"
        "import tfcommentaries\n"
        "from tfcommentaries.cli import inspect, store\n"
        "for name in tfcommentaries.__all__: getattr(tfcommentaries, name)\n"
        "assert 'tfx' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_type_checkers_see_the_public_names():
    tree = ast.parse(pathlib.Path(tfcommentaries.__file__).read_text())
    (block,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    seen = {
        name.asname: f"{node.module}.{name.name}"
        for node in block.body
        for name in node.names
    }
    expected = {
        name: f"tfcommentaries.{place}.{name}"
        for names in (tfcommentaries._PUBLIC, tfcommentaries._OPTIONAL)
        for name, place in names.items()
    }
    assert seen == expected
