"""Bazel's BUILD file names what the package imports. Bazel itself is not run."""

import ast
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parents[1]
#: Names of packages on PyPI where they differ from those of their modules.
ON_PYPI = {
    "absl": "absl-py",
    "attr": "attrs",
    "sklearn": "scikit-learn",
    "tensorflow_serving": "tensorflow-serving-api",
}


def required(file):
    """Packages on PyPI that a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
        for name in names:
            first = name.split(".")[0]
            if first not in sys.stdlib_module_names | {"tfcommentaries"}:
                yield ON_PYPI.get(first, first.replace("_", "-"))


def named(target):
    """Packages on PyPI that a target of the BUILD file names."""
    (block,) = re.findall(
        rf'py_library\(\n    name = "{target}",\n.*?\n\)\n',
        (ROOT / "BUILD").read_text(),
        re.S,
    )
    return set(re.findall(r'requirement\("(.+?)"\)', block))


def test_dependencies_are_what_is_imported():
    package = ROOT / "tfcommentaries"
    components = package / "components"
    core, tfx = set(), set()
    for file in package.rglob("*.py"):
        (tfx if components in file.parents else core).update(required(file))
    assert named("tfcommentaries") == core
    assert named("components") == tfx - core
