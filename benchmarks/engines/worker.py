"""Runs one engine in a process of its own, once for every line it is sent.

Prints one JSON object a line: what importing and compiling took, then the seconds of
every run, then at the end of its input the peak memory.
"""

import argparse
import importlib
import json
import resource
import sys
import time

import numpy as np


def megabytes():
    """The largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


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
    parser.add_argument("--save", help="where to save the hypergradient, .npz")
    args = parser.parse_args()
    module = importlib.import_module(args.module)
    imported = megabytes()
    from benchmarks import problem

    run = module.prepare(problem.make(args.steps, args.batch), args.estimator)
    begin = time.perf_counter()
    result = run()
    say(import_mb=imported, compile_seconds=time.perf_counter() - begin)
    if args.save:
        np.savez(args.save, *result)
    for _ in sys.stdin:
        begin = time.perf_counter()
        run()
        say(seconds=time.perf_counter() - begin)
    say(peak_mb=megabytes())


if __name__ == "__main__":
    main()
