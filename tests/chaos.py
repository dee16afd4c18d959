"""What tests kill at random moments, each in a process of its own."""

import contextlib
import itertools
import os
import signal
import time

from forks import FORKS


def killed(generator, longest, function, *arguments, after=lambda: True):
    """Runs a function, and kills it after a random time.

    Args:
        generator: NumPy random generator, which gives the time.
        longest: seconds.
        function: of a module that can be imported.
        *arguments: of the function.
        after: function without arguments; the time counts from when it is true.

    Returns:
        Whether it was killed, and had not ended by itself.

    Raises:
        RuntimeError: if the function failed.
    """
    process = FORKS.Process(target=function, args=arguments)
    process.start()
    while process.is_alive() and not after():
        time.sleep(0.01)
    time.sleep(generator.uniform(0, longest))
    alive = process.is_alive()
    if alive:
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    if process.exitcode not in (0, -signal.SIGKILL):
        raise RuntimeError(f"It ended with {process.exitcode}.")
    return alive


def learn(run_dir):
    """`tfcommentaries learn`, thirty outer steps, each with a checkpoint."""
    from tfcommentaries.cli import main

    flags = ["--outer_steps=30", "--inner_steps=2", "--steps_per_epoch=1"]
    flags += ["--train_size=100", "--batch_size=8", "--student=mlp"]
    with (
        open(f"{run_dir}.log", "a", encoding="utf-8") as file,
        contextlib.redirect_stdout(file),
    ):
        found = main.run(main.parse(["", "learn", f"--run_dir={run_dir}", *flags]))
    if found:
        raise SystemExit(found)


def report(run_dir):
    """`tfcommentaries report`, again and again."""
    from tfcommentaries.cli import main

    while True:
        main.run(main.parse(["", "report", run_dir]))


def export(path):
    """Exports commentaries over each other, each with another weight for all."""
    import numpy as np

    from tfcommentaries import export_commentary
    from tfcommentaries.commentaries import ConstantWeighting

    for number in itertools.count(1):
        weighting = ConstantWeighting(float(number))
        weighting(np.zeros((2, 3), "float32"))
        export_commentary(weighting, path, metrics={"weight": number})


def save(path, data_dir):
    """Saves a commentary with a data set, again and again."""
    from tfcommentaries import store

    while True:
        store.save(path, "little", "w", data_dir)
