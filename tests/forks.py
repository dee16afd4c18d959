"""Processes forked from one that has imported TensorFlow and not yet used it.

They need no seconds to start, so that tests may start and kill many.
"""

import multiprocessing
import runpy
import sys

FORKS = multiprocessing.get_context("forkserver")
#: What they have already. Their server starts with the first of them.
_COMMON = (
    "keras",
    "matplotlib.figure",
    "sklearn.datasets",
    "tensorflow",
    "tensorflow_datasets",
    "tfcommentaries.cli.learn",
    "tfcommentaries.cli.report",
)


def prepare(*modules):
    """Lets the processes to come have these modules too."""
    FORKS.set_forkserver_preload([*_COMMON, *modules])


prepare()


def finish(function, *arguments, timeout=600):
    """Runs a function of a module that can be imported to its end."""
    process = FORKS.Process(target=function, args=arguments)
    process.start()
    process.join(timeout)
    if process.exitcode != 0:
        process.kill()
        raise RuntimeError(f"It ended with {process.exitcode}.")


def run_module(name, *flags):
    """Runs a module as `python -m` does."""
    sys.argv = [name, *flags]
    runpy.run_module(name, run_name="__main__", alter_sys=True)
