"""MAML by a published library, on the tasks of experiments/few_shot. See RESULTS.md.

    python -m benchmarks.few_shot --data_dir=DIR

PyTorch's higher learns with the same network, initialisation, numbers of steps and
tasks, in the same order. What tfcommentaries gets is in experiments/few_shot.
"""

import tempfile

import numpy as np
from absl import app, flags

from benchmarks.harness import ask, save, show
from experiments.few_shot import run
from experiments.protocol import FLAGS
from tfcommentaries import datasets
from tfcommentaries.teaching import mean_and_std

flags.DEFINE_string("peers", ".venv-bench/bin/python", "Python that has higher.")
flags.DEFINE_integer("outer_steps", run.OUTER_STEPS, "Of 4 tasks.")


def draw(examples, queries, seed, count):
    """Tasks as rows of the examples: support, its labels, query, its labels."""
    rows = np.arange(len(examples.y))
    tasks = datasets.episodes(rows, examples.y, run.WAYS, run.SHOTS, queries, seed)
    (support, query) = next(iter(tasks.batch(count)))
    return [part.numpy() for part in (*support, *query)]


def measure(group, seed):
    """Test accuracy of higher's MAML."""
    train, test = run.make_data(group)
    count = run.TASKS_PER_STEP * FLAGS.outer_steps
    arrays = {"train_images": train.x, "test_images": test.x}
    for name, tasks in (
        ("train", draw(train, 5, seed, count)),
        ("test", draw(test, 15, 100 + seed, 600)),
    ):
        arrays |= {f"{name}_{i}": part for i, part in enumerate(tasks)}
    with tempfile.TemporaryDirectory() as directory:
        file = f"{directory}/tasks.npz"
        np.savez(file, **arrays)
        return ask(FLAGS.peers, "engines.torch_maml", file, seed)


def main(_):
    """Measures, prints and saves few_shot.json."""
    rows = []
    for group in run.groups():
        values = mean_and_std([measure(group, s) for s in range(FLAGS.seeds)])
        rows.append({"condition": f"{group}: MAML with higher", **values})
        show([rows[-1]["condition"]], rows[-1])
    save("few_shot.json", rows)


if __name__ == "__main__":
    app.run(main)
