"""What editors and type checkers see of the public API."""

import inspect
import pathlib
import pkgutil
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]


def mypy(folder, code):
    """What mypy says of a user's code."""
    file = folder / "code.py"
    file.write_text(code)
    command = [sys.executable, "-m", "mypy", "--no-error-summary", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert not done.stderr
    return [line.split(":", 1)[1].strip() for line in done.stdout.splitlines()]


def test_misspelt_arguments_are_found(tmp_path):
    pytest.importorskip("mypy", reason="mypy is not installed")
    found = mypy(
        tmp_path,
        "import tfcommentaries as tfc\n"
        "weighting = tfc.GroupWeighting(['a', 'b'], curriculum=True, name='w')\n"
        "tfc.GroupWeighting(['a', 'b'], curiculum=True)\n"
        "tfc.ExampleWeighting(num_clases=3)\n"
        "tfc.CommentaryLearner(weighting, None, iner_steps=3)\n"
        "tfc.CommentaryCallback(weighting, total_step=3)\n"
        "tfc.LearnCommentaryCallback(weighting, None, total_step=3)\n"
        "weighting.table(disagreements={})\n"
        "tfc.UnrolledTraining(truncated=3)\n"
        "tfc.GroupWeightings\n"
        "tfc.ElementWeighting(curriculum=False)\n",
    )
    assert [
        int(re.match(r"\d+", line)[0]) for line in found if "note:" not in line
    ] == [*range(3, 11)]
    assert '"curiculum"' in found[0]


def test_editors_complete():
    jedi = pytest.importorskip("jedi", reason="jedi is not installed")

    def completed(code):
        return {
            c.name for c in jedi.Script(code, project=jedi.Project(ROOT)).complete()
        }

    start = "import tfcommentaries as tfc\nw = tfc.GroupWeighting(['a'])\n"
    assert {"GroupWeighting", "CommentaryLearner", "teach"} <= completed(start + "tfc.")
    assert {"table", "add_groups", "from_config"} <= completed(
        start + "tfc.GroupWeighting."
    )
    # Of an instance and of what its methods give.
    assert {"table", "trusted"} <= completed(start + "w.")
    assert {"to_pandas", "advice"} <= completed(start + "w.table().")


def documented():
    """Functions and methods on the pages of the API, by name."""
    pages = (ROOT / "docs" / "api").glob("*.md")
    for name in re.findall(
        r"^::: (\S+)", "\n".join(p.read_text() for p in pages), re.M
    ):
        if ".components." not in name:  # TFX has an environment of its own.
            yield from functions(name, pkgutil.resolve_name(name))


def functions(name, thing):
    if inspect.ismodule(thing):
        for key, value in vars(thing).items():
            here = getattr(value, "__module__", None) == thing.__name__
            if here and not key.startswith("_"):
                yield from functions(f"{name}.{key}", value)
    elif inspect.isclass(thing):
        for base in thing.__mro__:
            if base.__module__.startswith("tfcommentaries"):
                for key, value in vars(base).items():
                    if not key.startswith("_") or key in ("__init__", "__call__"):
                        value = getattr(value, "fget", value)
                        yield from functions(f"{name}.{key}", value)
    elif callable(thing) or isinstance(thing, classmethod | staticmethod):
        function = inspect.unwrap(getattr(thing, "__func__", thing))
        if function.__module__.startswith("tfcommentaries"):
            yield name, function


def test_all_documented_functions_are_annotated():
    found = dict(documented())
    assert len(found) > 300
    for name, function in found.items():
        if function.__name__ == "<lambda>":
            continue  # A property that hands on what `Kind` declares.
        signature = inspect.signature(function)
        lacking = [
            p.name
            for p in signature.parameters.values()
            if p.annotation is p.empty and p.name not in ("self", "cls")
        ]
        assert not lacking and signature.return_annotation is not signature.empty, name
