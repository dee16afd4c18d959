"""What all experiments share: flags, seeds, going on where one was, tables."""

import concurrent.futures
import functools
import json
import math
import multiprocessing
import os
import pathlib
import signal
import sys
import threading
import time

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from tfcommentaries import datasets
from tfcommentaries.saving.manifest import to_json
from tfcommentaries.saving.replacing import write_text
from tfcommentaries.teaching import mean_and_std

#: What a group and seed gave; where it is, that is done.
RECORD = "record.json"

FLAGS = flags.FLAGS
flags.DEFINE_string("data_dir", None, "TFDS data directory; none: bundled digits.")
flags.DEFINE_string("run_dir", None, "What is done is kept here; runs/<experiment>.")
flags.DEFINE_integer(
    "seeds", None, "How often all is repeated; none: as an hour allows."
)
flags.DEFINE_integer("jobs", 1, "Groups and seeds measured at once, a process each.", 1)
flags.DEFINE_multi_string(
    "group",
    None,
    "Measure this alone (may be repeated); what is known of others stays.",
)
flags.DEFINE_bool("quick", False, "A few steps of the first group: does it run?")


def run(file, groups, measure, draw=None, seeds=5):
    """Runs an experiment from the command line. Called at the end of a `run.py`.

    Measures each group with each seed, unless the run folder has it, and writes
    `results.json` and pictures beside `run.py`; with `--quick` only the first group
    with one seed, and all into the run folder. Tells how many minutes each took.

    With `--group` the rows of other groups stay as they are, and no picture is drawn.

    Args:
        file: `__file__` of the `run.py`.
        groups: function without arguments to the names of the groups: data sets,
            or ways to learn.
        measure: function `(group, seed, folder)` to a dict. Its `"values"` are
            `{condition: {metric: number}}`; whatever else JSON can hold is kept for
            `draw`. The folder, of this group and seed, is for exported commentaries.
        draw: function `({group: [dict of each seed]}, run_dir)` to `{name: Figure}`.
        seeds: how often all is repeated, unless a flag says otherwise; two cores
            should then take an hour at most.
    """

    def main(_):
        here = pathlib.Path(file).resolve().parent
        run_dir = pathlib.Path(FLAGS.run_dir or f"runs/{here.name}")
        if FLAGS.quick:
            here = run_dir = run_dir / "quick"
        names = _chosen(groups())
        folders = {
            (group, seed): folder_of(run_dir, group, seed)
            for group in fewer(names, names[:1])
            for seed in range(fewer(FLAGS.seeds or seeds, 1))
        }
        _measure_all(measure, folders)
        records = {}
        for (group, _), folder in folders.items():
            record = json.loads((folder / RECORD).read_text())
            records.setdefault(group, []).append(record)
        rows = table(records)
        kept = _rows_of_others(here / "results.json", names) if FLAGS.group else []
        write_text(here / "results.json", _a_row_a_line(kept + rows))
        whole = draw and not FLAGS.group
        for name, figure in (draw(records, run_dir) if whole else {}).items():
            figure.savefig(here / name, dpi=100)
        for row in rows:
            title = f"{row['condition']:<60} {row['metric']:<40}"
            print(f"{title}{row['mean']:.4f} ± {row['std']:.4f}  ({row['seeds']})")
        for group, ones in records.items():
            minutes = ", ".join(f"{one.get('minutes', math.nan):.1f}" for one in ones)
            print(f"{group}, minutes of each seed: {minutes}")

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    app.run(main)


def _chosen(names):
    """The groups that a flag names, or all."""
    unknown = sorted(set(FLAGS.group or ()) - set(names))
    if unknown:
        raise app.UsageError(f"No group {unknown[0]!r}. Those here: {', '.join(names)}")
    return FLAGS.group or names


def _rows_of_others(file, names):
    """Rows of a `results.json` of other groups than these."""
    rows = json.loads(file.read_text()) if file.exists() else []
    return [row for row in rows if row["condition"].split(": ")[0] not in names]


def _measure_all(measure, folders):
    """Measures what is not there yet, here or in processes that share the cores."""
    todo = [
        (measure, *key, folder)
        for key, folder in folders.items()
        if not (folder / RECORD).exists()
    ]
    if FLAGS.jobs == 1:
        for one in todo:
            _measure_one(*one)
        return
    fresh = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(FLAGS.jobs, fresh, _begin) as pool:
        for done in [pool.submit(_measure_one, *one) for one in todo]:
            done.result()


def _begin():
    """Gives a process the flags and its share of the cores, and ends it with the first.

    Otherwise it would go on after Ctrl-C, or when the first is killed.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_first, daemon=True).start()
    FLAGS(sys.argv)
    threads = max(1, os.cpu_count() // FLAGS.jobs)
    tf.config.threading.set_intra_op_parallelism_threads(threads)


def _end_with_first():
    multiprocessing.parent_process().join()
    os._exit(1)


def _measure_one(measure, group, seed, folder):
    """Measures a group with a seed; its record is written last."""
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{group}, seed {seed}", flush=True)
    keras.utils.set_random_seed(seed)
    began = time.monotonic()
    record = measure(group, seed, folder)
    record["minutes"] = (time.monotonic() - began) / 60
    keras.backend.clear_session()
    write_text(folder / RECORD, to_json(record))
    print(to_json(record["values"]), flush=True)


def folder_of(run_dir, group, seed):
    """Where the results of one group and seed lie."""
    return run_dir / group.replace(",", "").replace(" ", "-") / str(seed)


def table(records):
    """Rows `{"condition", "metric", "mean", "std", "seeds", "values"}` of all records.

    The values are those of each seed, in order, for paired differences.
    """
    found = {}
    for group, ones in records.items():
        for one in ones:
            for condition, metrics in one["values"].items():
                for metric, value in metrics.items():
                    key = f"{group}: {condition}", metric
                    found.setdefault(key, []).append(value)
    return [
        {
            "condition": condition,
            "metric": metric,
            **mean_and_std(values),
            "values": values,
        }
        for (condition, metric), values in found.items()
    ]


def _a_row_a_line(rows):
    """JSON of rows, short enough to be kept in the repository."""
    lines = (json.dumps({k: _rounded(v) for k, v in row.items()}) for row in rows)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _rounded(value):
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def fewer(size, quick):
    """`size`, or with `--quick` the number for that."""
    return quick if FLAGS.quick else size


def first(items, quick=1):
    """Keys and values of a dict, or with `--quick` so many: the rest runs alike."""
    return list(items.items())[: fewer(None, quick)]


@functools.cache
def load_tfds(name):
    """`Splits` of a data set in `--data_dir`; all its images take seconds to decode."""
    sizes = fewer((None, 5000, None), (500, 300, 300))
    return datasets.load_tfds(name, FLAGS.data_dir, *sizes)


def join(*parts):
    """`Examples` of several sets."""
    return datasets.Examples(*(np.concatenate(p) for p in zip(*parts)))


def take(examples, index):
    """Some of the `Examples`."""
    return datasets.Examples(examples.x[index], examples.y[index])


def draw_images(rows, titles=None):
    """A figure of rows of images, each `(columns, height, width[, channels])`."""
    from matplotlib.figure import Figure

    columns = len(rows[0])
    height, width = rows[0][0].shape[:2]
    extra = 0.0 if titles is None else 0.3
    size = (1.2 * columns, (1.2 * height / width + 0.06) * len(rows) + extra)
    figure = Figure(figsize=size, layout="constrained")
    for i, axes in enumerate(figure.subplots(len(rows), columns, squeeze=False)):
        for j, ax in enumerate(axes):
            ax.imshow(np.clip(rows[i][j], 0, 1), cmap="gray", vmin=0, vmax=1)
            ax.axis("off")
            if i == 0 and titles is not None:
                ax.set_title(titles[j], fontsize=8)
    return figure
