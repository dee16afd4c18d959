"""`tfcommentaries report`."""

import dataclasses
import os
from typing import Literal

import numpy as np

from tfcommentaries import SavedCommentary, insights
from tfcommentaries.cli.run_folder import RunFolder
from tfcommentaries.datasets import (
    Examples,
    TableEncoding,
    load_digits,
    load_file,
    read_tfds,
)
from tfcommentaries.datasets.files import is_file
from tfcommentaries.datasets.table_encoding import Column
from tfcommentaries.saving.json_files import typed

#: More examples would say little more and take longer.
_MOST = 2000


@dataclasses.dataclass
class Learned:
    """What a manifest says about the file that a commentary was learned from."""

    label_column: str | None = None
    encoding: list[Column] | None = None
    image_size: int = 32
    labels: Literal["classes", "numbers"] | None = None
    image_column: str | None = None
    true_label_column: str | None = None


def run(args):
    """Writes the page about a run, or about an exported commentary."""
    path = args.path
    if os.path.exists(os.path.join(path, "saved_model.pb")):
        output = args.output or f"{path.rstrip('/')}.html"
        commentary = SavedCommentary(path)
        found = {"examples": _examples(args, commentary), "location": path}
    else:
        output = args.output or os.path.join(path, "report.html")
        folder = RunFolder(path)
        commentary = SavedCommentary(folder.commentary)
        found = _of_run(folder, commentary)
    insights.write_report(output, commentary, **found)
    print(f"Written: {output}")


def _of_run(folder, commentary):
    settings = folder.read_settings()
    data = settings.load_data()
    history = folder.read_history()
    per_epoch = settings.steps_per_epoch or 1
    history["outer_step"] = (np.array(history["epoch"]) + 1) * per_epoch
    return {
        "examples": data.some(commentary, _MOST),
        "comparison": folder.read_metrics(),
        "history": history,
        "num_classes": data.splits.num_classes,
        "corrupted": data.corrupted[:_MOST] if data.corrupted.any() else None,
        "location": folder.commentary,
    }


def _examples(args, commentary):
    if args.dataset is None:
        return None
    where = f"The manifest of {args.path}"
    learned = typed(commentary.manifest["learned"], Learned, where, others=True)
    encoding = learned.encoding and TableEncoding.from_config(learned.encoding)
    if args.dataset != "digits" and is_file(args.dataset):
        x, y = load_file(
            args.dataset,
            learned.label_column,
            encoding=encoding,
            image_size=learned.image_size,
            labels=learned.labels,
            image=learned.image_column,
        ).examples
        return Examples(x[:_MOST], y[:_MOST])
    if args.dataset == "digits":
        return Examples(*(part[:_MOST] for part in load_digits().train))
    x, y = read_tfds(
        args.dataset,
        args.data_dir,
        label=learned.label_column,
        true_label=learned.true_label_column,
        image=learned.image_column,
        labels=learned.labels,
        validation_size=1,
        encoding=encoding,
    ).splits.train
    return Examples(x[:_MOST], y[:_MOST])
