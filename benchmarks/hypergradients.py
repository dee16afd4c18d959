"""Time and memory of one hypergradient, ours and our peers'. See RESULTS.md.

Run it with `make bench` or `make bench-quick`, from the project's root. On a machine
with a GPU, `python -m benchmarks.hypergradients --gpu --peers=PYTHON` compares there;
PYTHON has JAX, PyTorch and higher, all for the GPU. Float32 is float32: TensorFloat-32
is off.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile

import numpy as np
from absl import app, flags

from benchmarks.harness import HERE, save, show

FLAGS = flags.FLAGS
flags.DEFINE_string("peers", ".venv-bench/bin/python", "Python that has the peers.")
flags.DEFINE_integer("repeats", 5, "Timed runs of each engine, taken in turn.")
flags.DEFINE_list("students", None, "Measure these again, no others.")
flags.DEFINE_bool("gpu", False, "On the GPU; written to results_gpu.json.")
flags.DEFINE_bool("quick", False, "Two repeats, T=100 at batch 8 only, no JAX.")

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
            "tensorflow_engine",
            ("plain", "neumann", "neumann_reverse", "finite_difference"),
        ),
        "pytorch": ("torch_implicit", ("plain", "neumann")),
    },
}
_XLA = "plain", "plain_xla", "unrolled", "unrolled_xla", "kept"
_OF_GPU = {
    "tfcommentaries": ("tensorflow_engine", _XLA),
    "pytorch": ("torch_engine", ("plain", "higher")),
    "jax": ("jax_engine", ("plain", "scan")),
}
ENGINES_OF_GPU = {
    **dict.fromkeys(("cbr", "mlp", "transformer"), _OF_GPU),
    "resnet18": {
        "tfcommentaries": (
            "tensorflow_engine",
            ("plain", "plain_xla", "neumann", "neumann_xla"),
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
SIZES_OF_GPU = (
    ("cbr", 100, 64),
    ("mlp", 100, 32),
    ("transformer", 100, 64),
    ("resnet18", 1, 64),
    ("mlp", 100, 256),
    ("cbr", 100, 256),
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


#: Lets several frameworks share a GPU.
SHARED = {
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}


def engines():
    """The engines of this run, by student."""
    return ENGINES_OF_GPU if FLAGS.gpu else ENGINES


class Worker:
    """One engine in a process of its own, on the GPU or without it."""

    def __init__(self, student, engine, estimator, steps, batch, save=None):
        module = f"benchmarks.engines.{engines()[student][engine][0]}"
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
            env=os.environ | (SHARED if FLAGS.gpu else {"CUDA_VISIBLE_DEVICES": ""}),
        )
        self.facts = {}
        if not FLAGS.gpu:
            self.wait()

    def wait(self):
        """Waits until it is compiled; on a GPU, others compile meanwhile."""
        self.facts = self.facts or self._read()

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
        self.wait()
        self.process.stdin.close()
        self.facts |= self._read()
        self.process.wait()


def measure(student, steps, batch, repeats):
    """Rows of all engines at one size."""
    workers = []
    for engine, (_, estimators) in engines()[student].items():
        if engine == "jax" and FLAGS.quick:
            print("left out: jax: compiles for too long for a quick run")
            continue
        for estimator in estimators:
            keys = (student, engine, batch), (engine, steps), (estimator, steps)
            for key in keys:
                if not FLAGS.gpu and key in LEFT_OUT:
                    print(f"left out: {engine} {estimator}: {LEFT_OUT[key]}")
                    break
            else:
                workers.append(Worker(student, engine, estimator, steps, batch))
    for worker in workers:
        worker.wait()
    for _ in range(repeats):
        for worker in workers:
            worker.run()
    rows, plain = [], {}
    for worker in workers:
        worker.end()
        engine, estimator = worker.name
        if FLAGS.gpu and worker.facts["gpu_mb"] is None:
            raise RuntimeError(f"{engine} found no GPU.")
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
            | ({"gpu_mb": round(worker.facts["gpu_mb"])} if FLAGS.gpu else {})
        )
    return rows


def compare():
    """Prints how far our hypergradients are from our peers', of their norm."""
    with tempfile.TemporaryDirectory() as directory:

        def begin(student, engine, estimator):
            file = f"{directory}/{student}-{engine}-{estimator}.npz"
            return Worker(student, engine, estimator, 20, 8, file), file

        def vector(worker, file):
            worker.end()
            arrays = np.load(file)
            return np.concatenate([arrays[k].ravel() for k in arrays])

        begun = [
            (student, ours, begin(student, "tfcommentaries", ours))
            + ([(name, begin(student, engine, name)) for engine, name in peers],)
            for student, ours, peers in AGREEING
        ]
        for student, ours, mine, others in begun:
            own = vector(*mine)
            for estimator, other in others:
                theirs = vector(*other)
                difference = np.linalg.norm(own - theirs) / np.linalg.norm(theirs)
                print(
                    f"{student} {ours} against {estimator}: {difference:.1e}",
                    flush=True,
                )


def main(_):
    """Measures, prints and saves results.json."""
    compare()
    name = "results_gpu.json" if FLAGS.gpu else "results.json"
    old = json.loads((HERE / name).read_text()) if FLAGS.students else []
    rows = [row for row in old if row["student"] not in FLAGS.students]
    sizes = SIZES_OF_GPU if FLAGS.gpu else SIZES
    sizes = QUICK_SIZES if FLAGS.quick else sizes
    for student, steps, batch in sizes:
        if FLAGS.students and student not in FLAGS.students:
            continue
        repeats = 2 if FLAGS.quick else FLAGS.repeats
        found = measure(student, steps, batch, repeats)
        for row in found:
            if FLAGS.gpu:
                memory = f" {row['gpu_mb']} MB of the GPU"
            else:
                above = row["peak_mb"] - row["import_mb"]
                memory = f" {above} MB above import, {row['data_mb']} of them data"
            size = f"T={steps} B={batch}"
            show((student, size, row["engine"], row["estimator"]), row, memory)
        rows += found
        if not FLAGS.quick:
            save(name, rows)


if __name__ == "__main__":
    app.run(main)
