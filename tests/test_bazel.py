"""Bazel's BUILD files say what the imports say. Bazel itself is not run."""

import ast
import pathlib
import sys

import pytest

import tfcommentaries

ROOT = pathlib.Path(__file__).parents[1]
#: Names of packages on PyPI where they differ from those of their modules.
ON_PYPI = {
    "absl": "absl-py",
    "apache_beam": "apache-beam",
    "attr": "attrs",
    "sklearn": "scikit-learn",
    "tensorflow_datasets": "tensorflow-datasets",
    "tensorflow_serving": "tensorflow-serving-api",
    "tensorflow_metadata": "tensorflow-metadata",
    "tensorflow_transform": "tensorflow-transform",
    "tfx_bsl": "tfx-bsl",
}


def read(folder):
    """The targets of one BUILD file: `{label: {"srcs", "deps"}}`."""
    targets = {}
    package = folder.relative_to(ROOT).as_posix()

    def target(name, srcs=(), deps=(), **_):
        files = {(folder / source).relative_to(ROOT).as_posix() for source in srcs}
        targets[f"//{package}:{name}"] = {
            "srcs": files,
            "deps": {full(dep) for dep in deps},
        }

    def full(dep):
        if dep.startswith(":"):
            return f"//{package}{dep}"
        if dep.startswith("//") and ":" not in dep:
            return f"{dep}:{dep.rsplit('/')[-1]}"
        return dep

    def glob(patterns):
        found = [path for pattern in patterns for path in folder.glob(pattern)]
        return sorted(path.relative_to(folder).as_posix() for path in found)

    names = {
        "load": lambda *_: None,
        "package": lambda **_: None,
        "requirement": lambda name: f"pip:{name}",
        "glob": glob,
        "py_library": target,
        "py_test": target,
        "py_binary": target,
    }
    exec(compile((folder / "BUILD").read_text(), f"{package}/BUILD", "exec"), names)
    return targets


BUILDS = sorted(path.parent for path in ROOT.glob("t*/**/BUILD"))
TARGETS = {label: one for folder in BUILDS for label, one in read(folder).items()}
LIBRARIES = {label: one for label, one in TARGETS.items() if "//tfcomm" in label}
OF_FILE = {file: label for label, one in LIBRARIES.items() for file in one["srcs"]}


def test_every_file_is_in_one_target():
    files = [file for one in LIBRARIES.values() for file in one["srcs"]]
    assert len(files) == len(set(files))
    sources = (ROOT / "tfcommentaries").rglob("*.py")
    assert set(files) == {path.relative_to(ROOT).as_posix() for path in sources}
    tests = TARGETS.keys() - LIBRARIES.keys()
    found = {file for label in tests for file in TARGETS[label]["srcs"]}
    sources = (ROOT / "tests").rglob("*.py")
    assert found == {path.relative_to(ROOT).as_posix() for path in sources}


def imported(file):
    """What a file imports, as dependencies of its target."""
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            first, *rest = name.split(".")
            if first == "tfcommentaries":
                yield from ours(rest)
            elif first not in sys.stdlib_module_names:
                yield f"pip:{ON_PYPI.get(first, first)}"


def ours(names):
    """The target of something inside tfcommentaries."""
    if not names:
        return
    if names[0] in tfcommentaries._PUBLIC:
        names = tfcommentaries._PUBLIC[names[0]].split(".")
    for stop in range(len(names), 0, -1):
        path = "/".join(["tfcommentaries", *names[:stop]])
        for file in (f"{path}.py", f"{path}/__init__.py"):
            if file in OF_FILE:
                yield OF_FILE[file]
                return


@pytest.mark.parametrize("label", LIBRARIES)
def test_dependencies_are_what_is_imported(label):
    one = LIBRARIES[label]
    if not one["srcs"]:
        return
    wanted = {dep for file in one["srcs"] for dep in imported(file)} - {label}
    if label != "//tfcommentaries:package":
        # Python runs `tfcommentaries/__init__.py` first.
        wanted.add("//tfcommentaries:package")
    assert one["deps"] == wanted


def test_all_is_in_the_whole():
    whole = "//tfcommentaries:tfcommentaries"
    assert LIBRARIES[whole]["deps"] == LIBRARIES.keys() - {whole}
