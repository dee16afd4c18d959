"""`tfcommentaries report`."""

import os

import numpy as np

from tfcommentaries import SavedCommentary, insights
from tfcommentaries.cli.run_folder import RunFolder
from tfcommentaries.datasets import (
    Examples,
    TableEncoding,
    load_digits,
    load_file,
    load_tfds,
)
from tfcommentaries.datasets.files import is_file

#: More examples would say little more and take longer.
_MOST = 2000


def run(args):
    """Writes the page about a run, or about an exported commentary."""
    path = args.path
    if os.path.exists(os.path.join(path, "saved_model.pb")):
        output = args.output or f"{path.rstrip('/')}.html"
        commentary = SavedCommentary(path)
        found = {"examples": _examples(args, commentary.manifest), "location": path}
    else:
        output = args.output or os.path.join(path, "report.html")
        folder = RunFolder(path)
        commentary = SavedCommentary(folder.commentary)
        found = _of_run(folder, commentary)
    insights.write_report(output, commentary, **found)
    print(f"Written: {output}")


def _of_run(folder, commentary):
    data = folder.read_task({}).load_data()
    history = folder.read_history()
    per_epoch = folder.read_config()["steps_per_epoch"]
    history["outer_step"] = (np.array(history["epoch"]) + 1) * per_epoch
    return {
        "examples": data.some(commentary, _MOST),
        "comparison": folder.read_metrics(),
        "history": history,
        "num_classes": data.splits.num_classes,
        "corrupted": data.corrupted[:_MOST] if data.corrupted.any() else None,
        "location": folder.commentary,
    }


def _examples(args, manifest):
    if args.dataset is None:
        return None
    if args.dataset != "digits" and is_file(args.dataset):
        learned = manifest.get("learned") or {}
        encoding = learned.get("encoding")
        x, y = load_file(
            args.dataset,
            learned.get("label_column"),
            encoding=encoding and TableEncoding.from_config(encoding),
            image_size=learned.get("image_size", 32),
            labels=learned.get("labels"),
            image=learned.get("image_column"),
        ).examples
        return Examples(x[:_MOST], y[:_MOST])
    if args.dataset == "digits":
        return Examples(*(part[:_MOST] for part in load_digits().train))
    return load_tfds(args.dataset, args.data_dir, _MOST).train
