"""Time and memory of one hypergradient, ours and our peers'. See RESULTS.md.

Run it with `make bench` or `make bench-quick`, from the project's root.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy as np
from absl import app, flags

FLAGS = flags.FLAGS
flags.DEFINE_string("peers", ".venv-bench/bin/python", "Python that has the peers.")
flags.DEFINE_integer("repeats", 5, "Timed runs of each engine, taken in turn.")
flags.DEFINE_list("students", None, "Measure these again, no others.")
flags.DEFINE_bool("quick", False, "Two repeats, T=100 at batch 8 only, no JAX.")

HERE = pathlib.Path(__file__).parent
#: Modules and estimators of each engine, by student.
ENGINES = {
    "cbr": {
        "tfcommentaries": (
            "tensorflow_engine",
            ("plain", "taught", "unrolled", "checkpointed", "kept"),
        ),
        "pytorch": ("torch_engine", ("plain", "higher", "torchopt")),
        "jax": ("jax_engine", ("plain", "scan")),
    },
    "mlp": {
        "tfcommentaries": (
            "tensorflow_engine",
            ("plain", "plain_xla", "unrolled", "unrolled_xla", "kept", "kept_xla"),
        ),
        "pytorch": ("torch_engine", ("plain", "higher", "torchopt")),
        "jax": ("jax_engine", ("plain", "scan")),
    },
    "transformer": {
        "tfcommentaries": (
            "tensorflow_engine",
            ("plain", "plain_xla", "unrolled", "unrolled_xla", "kept"),
        ),
        "pytorch": ("torch_engine", ("plain", "higher", "torchopt")),
        "jax": ("jax_engine", ("plain", "scan")),
    },
    "resnet18": {
        "tfcommentaries": (
            "tensorflow_implicit",
            ("plain", "neumann", "neumann_reverse", "finite_difference"),
        ),
        "pytorch": ("torch_implicit", ("plain", "neumann")),
    },
}
SIZES = (
    ("cbr", 100, 8),
    ("cbr", 100, 64),
    ("cbr", 500, 8),
    ("cbr", 2000, 8),
    ("mlp", 100, 32),
    ("mlp", 100, 256),
    ("transformer", 100, 16),
    ("transformer", 100, 64),
    ("resnet18", 1, 32),
)
QUICK_SIZES = (("cbr", 100, 8), ("mlp", 100, 32), ("resnet18", 1, 32))
#: Hypergradients that must be the same: student, ours, and peers'.
AGREEING = (
    ("cbr", "unrolled:momentum", [("pytorch", "higher:momentum")]),
    ("cbr", "unrolled:adam", [("pytorch", "higher:adam")]),
    ("mlp", "unrolled:momentum", [("jax", "scan:momentum")]),
    ("mlp", "unrolled_xla:momentum", [("jax", "scan:momentum")]),
    ("mlp", "unrolled_xla:adam", [("pytorch", "higher:adam")]),
    ("transformer", "unrolled:momentum", [("jax", "scan:momentum")]),
    ("transformer", "unrolled_xla:momentum", [("jax", "scan:momentum")]),
    ("transformer", "unrolled:adam", [("pytorch", "higher:adam")]),
)
#: What would take hours or all of the memory, with the reason that is printed.
LEFT_OUT = {
    ("cbr", "jax", 64): "XLA's convolutions on CPUs take minutes a run",
    ("pytorch", 2000): "keeps every activation",
    ("kept", 2000): "keeps every activation",
    ("jax", 2000): "minutes a run",
}


class Worker:
    """One engine in a process of its own."""

    def __init__(self, student, engine, estimator, steps, batch, save=None):
        module = f"benchmarks.engines.{ENGINES[student][engine][0]}"
        python = sys.executable if engine == "tfcommentaries" else FLAGS.peers
        command = [python, "-m", "benchmarks.engines.worker", module, estimator]
        command += [str(steps), str(batch), f"--student={student}"]
        command += [f"--save={save}"] if save else []
        self.name = engine, estimator
        self.seconds = []
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.facts = self._read()

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with {self.process.wait()}")
        return json.loads(line)

    def run(self):
        """Times one run."""
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        self.seconds.append(self._read()["seconds"])

    def end(self):
        """Ends the process and collects its peak memory."""
        self.process.stdin.close()
        self.facts |= self._read()
        self.process.wait()


def measure(student, steps, batch, repeats):
    """Rows of all engines at one size."""
    workers = []
    for engine, (_, estimators) in ENGINES[student].items():
        if engine == "jax" and FLAGS.quick:
            print("left out: jax: compiles for too long for a quick run")
            continue
        for estimator in estimators:
            keys = (student, engine, batch), (engine, steps), (estimator, steps)
            for key in keys:
                if key in LEFT_OUT:
                    print(f"left out: {engine} {estimator}: {LEFT_OUT[key]}")
                    break
            else:
                workers.append(Worker(student, engine, estimator, steps, batch))
    for _ in range(repeats):
        for worker in workers:
            worker.run()
    rows, plain = [], {}
    for worker in workers:
        worker.end()
        engine, estimator = worker.name
        seconds = statistics.median(worker.seconds)
        plain.setdefault(engine, seconds)
        rows.append(
            {
                "engine": engine,
                "estimator": estimator,
                "student": student,
                "steps": steps,
                "batch": batch,
                "seconds": round(seconds, 4),
                "ratio_to_plain": round(seconds / plain[engine], 2),
                "compile_seconds": round(worker.facts["compile_seconds"], 2),
                "peak_mb": round(worker.facts["peak_mb"]),
                "import_mb": round(worker.facts["import_mb"]),
                "data_mb": round(worker.facts["data_mb"]),
            }
        )
    return rows


def compare():
    """Prints the relative difference between our hypergradient and our peers'."""
    with tempfile.TemporaryDirectory() as directory:

        def vector(student, engine, estimator):
            file = f"{directory}/hypergradient.npz"
            Worker(student, engine, estimator, 20, 8, file).end()
            arrays = np.load(file)
            return np.concatenate([arrays[k].ravel() for k in arrays])

        for student, ours, peers in AGREEING:
            own = vector(student, "tfcommentaries", ours)
            for engine, estimator in peers:
                theirs = vector(student, engine, estimator)
                difference = np.linalg.norm(own - theirs) / np.linalg.norm(theirs)
                print(f"{student} {ours} against {estimator}: {difference:.1e}")


def main(_):
    """Measures, prints and saves results.json."""
    compare()
    rows = []
    sizes = QUICK_SIZES if FLAGS.quick else SIZES
    for student, steps, batch in sizes:
        if FLAGS.students and student not in FLAGS.students:
            continue
        repeats = 2 if FLAGS.quick else FLAGS.repeats
        found = measure(student, steps, batch, repeats)
        for row in found:
            print(
                f"{student:<9} T={steps:<5}batch={batch:<4}"
                f"{row['engine']:<15}{row['estimator']:<18}"
                f"{row['seconds']:>8.3f} s {row['ratio_to_plain']:>6.2f}x plain "
                f"{row['peak_mb'] - row['import_mb']:>6} MB above import, "
                f"{row['data_mb']} of them data",
                flush=True,
            )
        rows += found
    if not FLAGS.quick:
        file = HERE / "results.json"
        old = json.loads(file.read_text()) if FLAGS.students else []
        rows = [row for row in old if row["student"] not in FLAGS.students] + rows
        file.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    app.run(main)
