"""Runs one engine in a process of its own, once for every line it is sent.

Prints one JSON object a line: what importing, loading the data and compiling took,
then the seconds of every run, then at the end of its input the peak memory after the
data were loaded, and the GPU's. Linux only.
"""

import argparse
import importlib
import json
import pathlib
import sys
import time

import numpy as np


def megabytes(name):
    """Resident memory of this process, `"VmRSS"` now or `"VmHWM"` at its peak."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(li.split()[1]) for li in lines if li.startswith(name)) / 1024


def forget_peak():
    """Lets the peak start anew from what is resident now."""
    pathlib.Path("/proc/self/clear_refs").write_text("5")


def say(**values):
    """Prints one JSON object."""
    print(json.dumps(values), flush=True)


def main():
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module", help="such as benchmarks.engines.torch_engine")
    parser.add_argument("estimator")
    parser.add_argument("steps", type=int)
    parser.add_argument("batch", type=int)
    parser.add_argument("--student", default="cbr")
    parser.add_argument("--save", help="where to save the hypergradient, .npz")
    args = parser.parse_args()
    module = importlib.import_module(args.module)
    imported = megabytes("VmRSS")
    from benchmarks import problem

    numbers = problem.make(args.steps, args.batch, args.student)
    run = module.prepare(numbers, args.estimator)
    forget_peak()
    facts = {"import_mb": imported, "data_mb": megabytes("VmRSS") - imported}
    begin = time.perf_counter()
    result = run()
    say(compile_seconds=time.perf_counter() - begin, **facts)
    if args.save:
        np.savez(args.save, *result)
    for _ in sys.stdin:
        begin = time.perf_counter()
        run()
        say(seconds=time.perf_counter() - begin)
    say(peak_mb=megabytes("VmHWM"), gpu_mb=module.gpu_mb())


if __name__ == "__main__":
    main()
