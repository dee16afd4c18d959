"""Runs one engine in a process of its own, once for every line it is sent.

Prints one JSON object a line: what importing, loading the data and compiling took,
then the seconds of every run, then at the end of its input the peak memory after the
data were loaded, and the GPU's. Linux only.
"""

import argparse
import importlib
import json
import sys

import numpy as np

from benchmarks import problem
from benchmarks.harness import forget_peak, megabytes, seconds_of


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
    run = module.prepare(
        problem.make(args.steps, args.batch, args.student), args.estimator
    )
    forget_peak()
    facts = {"import_mb": imported, "data_mb": megabytes("VmRSS") - imported}
    say(compile_seconds=seconds_of(run), **facts)
    if args.save:
        np.savez(args.save, *run())
    for _ in sys.stdin:
        say(seconds=seconds_of(run))
    say(peak_mb=megabytes("VmHWM"), gpu_mb=module.gpu_mb())


if __name__ == "__main__":
    main()
