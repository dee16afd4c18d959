"""What benchmarks share: time, memory, peers' programs, rows of tables, results.

It imports no framework, so that peers' environments can use it.
"""

import json
import pathlib
import statistics
import subprocess
import time

HERE = pathlib.Path(__file__).parent


def seconds_of(function):
    """How long a call takes."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def timed(function, repeats):
    """`(seconds of a first call, median of others)`."""
    first = seconds_of(function)
    return first, statistics.median(seconds_of(function) for _ in range(repeats))


def megabytes(name):
    """Resident memory of this process, `"VmRSS"` now or `"VmHWM"` at its peak."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(li.split()[1]) for li in lines if li.startswith(name)) / 1024


def forget_peak():
    """Lets the peak start anew from what is resident now."""
    pathlib.Path("/proc/self/clear_refs").write_text("5")


def ask(python, module, *arguments):
    """Runs a module of benchmarks in a process, and reads its last line as JSON."""
    command = [python, "-m", f"benchmarks.{module}", *map(str, arguments)]
    done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout.splitlines()[-1])


def show(labels, row, rest=""):
    """Prints a row of a table: times if it has any, else a mean over seeds."""
    start = "".join(f"{label:<15}" for label in labels)
    if "seconds" in row:
        found = f"{row['seconds']:>8.3f} s {row['ratio_to_plain']:>6.2f}x plain"
    else:
        found = f"{row['mean']:.3f} ± {row['std']:.3f} ({row['seeds']})"
    print(f"{start} {found}{rest}", flush=True)


def save(name, found):
    """Writes results beside the benchmarks; NumPy's numbers, too."""
    text = json.dumps(found, indent=1, default=float)
    (HERE / name).write_text(text + "\n")
