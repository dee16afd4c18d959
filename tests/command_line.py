"""The command line, run in the process of the tests."""

from tfcommentaries.cli import main

#: A few steps of everything.
FEW = ["--outer_steps=2", "--inner_steps=3", "--steps_per_epoch=1"]


def run(*arguments):
    """Runs one command in this process; returns its exit code."""
    return main.run(main.parse(["tfcommentaries", *map(str, arguments)]))
