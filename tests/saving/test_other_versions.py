"""Commentaries go between versions of TensorFlow and Keras."""

import os
import pathlib
import subprocess

import pytest
from kinds import KINDS
from saving.exchange import check, export

HERE = pathlib.Path(__file__).parent


@pytest.fixture
def other():
    """Runs `exchange.py` with the interpreter of another environment."""
    python = os.environ.get("TFCOMMENTARIES_OTHER_PYTHON")
    if not python:
        pytest.skip("TFCOMMENTARIES_OTHER_PYTHON names no other environment's Python")

    def run(*arguments):
        command = [python, HERE / "exchange.py", *arguments]
        subprocess.run(command, check=True, timeout=300)

    return run


def test_what_another_version_exports_teaches_here(other, tmp_path):
    other("export", tmp_path)
    assert check(tmp_path) == list(KINDS)


def test_what_is_exported_here_teaches_another_version(other, tmp_path):
    export(tmp_path)
    other("check", tmp_path)
