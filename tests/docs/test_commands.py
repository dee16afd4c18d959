"""Commands that the documents, the Makefile and scripts give are there."""

import itertools
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
#: Where commands are written.
PLACES = (
    "README.md",
    "CONTRIBUTING.md",
    "Makefile",
    "Dockerfile",
    "scripts/*.*",
    "*/*.md",
    "*/*/*.md",
)
FILES = itertools.chain.from_iterable(ROOT.glob(place) for place in PLACES)
# A command may go on in the next line.
TEXT = "\n".join(file.read_text().replace("\\\n", " ") for file in FILES)
PROGRAMS = "(?:benchmarks|experiments|pipelines|tfcommentaries)"
MODULES = sorted(set(re.findall(rf" -m\s+({PROGRAMS}[.\w]*\w)", TEXT)))
TARGETS = sorted(set(re.findall(r"(?:`|^ *|\$ )make ([a-z][\w.-]+)", TEXT, re.M)))


@pytest.mark.parametrize("module", MODULES)
def test_module_can_be_run(module):
    file = (ROOT / module.replace(".", "/")).with_suffix(".py")
    assert '__name__ == "__main__"' in file.read_text()


@pytest.mark.parametrize("target", TARGETS)
def test_target_of_make(target):
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, timeout=60)


def test_something_is_found():
    assert {"pipelines.local_runner", "benchmarks.hypergradients"} <= set(MODULES)
    assert {"demo", "test", "pipeline", "docs"} <= set(TARGETS)
