"""The manifest of an exported commentary."""

import dataclasses
import datetime
import json
import os
import platform
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries import version
from tfcommentaries.commentaries.group_columns import index_name
from tfcommentaries.commentaries.group_table import GroupTable
from tfcommentaries.saving.json_files import read, typed
from tfcommentaries.typing import Config, Path

#: Where the manifest is inside the SavedModel.
FILE = os.path.join("assets", "commentary.json")
#: What a SavedModel of a commentary consists of.
_SAVED_MODEL = {
    "assets",
    "assets.extra",
    "fingerprint.pb",
    "saved_model.pb",
    "variables",
}
#: Characters of JSON that people read; indenting more takes seconds.
_READABLE = 2**20
#: Increased by one when an older reader cannot use a newer manifest.
FORMAT = 1


@dataclasses.dataclass
class _Spec:
    """Shape and dtype of an input."""

    shape: list[int | None]
    dtype: str

    def __post_init__(self):
        try:
            tf.TensorSpec(self.shape, self.dtype)
        except TypeError as error:
            raise ValueError(f"there is no tensor of this kind: {error}") from error


@dataclasses.dataclass
class _Table:
    """Entries of a `GroupTable`."""

    column: list[str]
    group: list[str | int]
    advice: list[str]
    examples: list[int]
    weight: list[float]
    low: list[float | None] | None = None
    high: list[float | None] | None = None
    disagreement: list[float | None] | None = None
    seen: list[int | None] | None = None
    only_class: list[int | None] | None = None
    new: list[bool | None] | None = None
    weight_by_class: list[list[float] | None] | None = None
    weight_over_training: list[list[float] | None] | None = None

    def __post_init__(self):
        number = len(self.weight)
        for name, values in vars(self).items():
            if values is not None and len(values) != number:
                raise ValueError(
                    f"{name} must have {number} entries, as weight. Found: "
                    f"{len(values)}"
                )
        low, high = self.low or [None] * number, self.high or [None] * number
        if any((a is None) != (b is None) for a, b in zip(low, high)):
            raise ValueError("an interval needs both low and high.")
        for values in self.weight, low, high:
            known = np.array([value for value in values if value is not None], float)
            wrong = known[~((known >= 0) & (known <= 1))]
            if wrong.size:
                raise ValueError(f"a weight must be from 0 to 1. Found: {wrong[0]}")


@dataclasses.dataclass
class _Manifest:
    """What every manifest has, and what it may have."""

    format: int
    kind: str
    class_name: str
    teaching_config: dict[str, Any]
    inputs: dict[str, _Spec]
    inputs_are_dict: bool
    uses_labels: bool
    uses_progress: bool
    uses_student_loss: bool
    learned: dict[str, Any]
    metrics: dict[str, Any]
    created: str = ""
    versions: dict[str, Any] = dataclasses.field(default_factory=dict)
    group_table: _Table | None = None
    #: What `group_table` was before December 2026: a dict for each group.
    table: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    doubt: str = ""
    prepared_inputs: dict[str, _Spec] = dataclasses.field(default_factory=dict)
    reading: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if not self.inputs_are_dict and "x" not in self.inputs:
            raise ValueError("inputs lacks x.")


def make_manifest(commentary, learned=None, metrics=None):
    """Makes the manifest of a commentary that has been called.

    Args:
        commentary: a built `Commentary`.
        learned: dict that describes its learning: data set, student, steps.
        metrics: dict of its gains.

    Returns:
        A dict that JSON can hold.
    """
    x_spec = served_spec(commentary)
    table = commentary.table()
    return {
        "format": FORMAT,
        "kind": commentary.kind,
        "class_name": keras.saving.get_registered_name(type(commentary)),
        "teaching_config": commentary.get_teaching_config(),
        "inputs": input_specs(commentary, x_spec),
        "inputs_are_dict": isinstance(x_spec, dict),
        "uses_labels": commentary.uses_labels,
        "uses_progress": commentary.uses_progress,
        "uses_student_loss": commentary.uses_student_loss,
        "created": datetime.datetime.now(datetime.timezone.utc).isoformat(
            timespec="seconds"
        ),
        "versions": {
            "tfcommentaries": version.__version__,
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "python": platform.python_version(),
        },
        "learned": learned or {},
        "metrics": metrics or {},
        **({} if table is None else {"group_table": table.to_dict()}),
        **({} if commentary.doubt is None else {"doubt": commentary.doubt}),
    }


def is_commentary(path):
    """Whether a directory is an exported commentary and holds nothing else."""
    if not tf.io.gfile.exists(os.path.join(path, FILE)):
        return False
    names = {name.rstrip("/") for name in tf.io.gfile.listdir(path)}
    return "saved_model.pb" in names and names <= _SAVED_MODEL


def read_manifest(path: Path) -> Config:
    """Reads the manifest of an exported commentary.

    Args:
        path: directory of the SavedModel.

    Returns:
        The manifest, a dict.

    Raises:
        FileNotFoundError: if there is no SavedModel.
        ValueError: if it is not a commentary, has a newer format, or its manifest is
            not one of `make_manifest`.
    """
    path = os.fspath(path)
    if not tf.io.gfile.exists(os.path.join(path, "saved_model.pb")):
        raise FileNotFoundError(
            f"There is no SavedModel at {path}: it has no file saved_model.pb. Pass "
            "the directory that `export_commentary` or `tfcommentaries learn` wrote."
        )
    graph = os.path.join(path, "saved_model.pb")
    if os.path.lexists(graph) and not os.path.isfile(graph):
        raise ValueError(
            f"{graph} is a directory, a device, a pipe or a broken link. Pass the "
            "directory of a SavedModel."
        )
    file_path = os.path.join(path, FILE)
    if not tf.io.gfile.exists(file_path):
        raise ValueError(
            f"The SavedModel at {path} is not a commentary: it has no {FILE}. Pass "
            "the directory that `export_commentary` or `tfcommentaries learn` wrote."
        )
    manifest = read(file_path, dict[str, Any])
    where = f"The file {file_path}"
    if typed(manifest.get("format"), int, f"{where}: format") > FORMAT:
        raise ValueError(
            f"The commentary at {path} has format {manifest['format']}; this "
            f"tfcommentaries {version.__version__} reads up to {FORMAT}. Install the "
            "newest tfcommentaries."
        )
    found = typed(manifest, _Manifest, where, others=True)
    table = found.group_table
    if table is None and found.table:
        entries = GroupTable.of_rows(found.table).to_dict()
        table = typed(entries, _Table, f"{where}: table", others=True)
    if table is not None:
        known = {name: values for name, values in vars(table).items() if values}
        manifest["group_table"] = known
    return manifest


def inputs_of(manifest):
    """`tf.TensorSpec` of the inputs, or a dict of such if they are a dict."""
    specs = {
        name: tf.TensorSpec(spec["shape"], spec["dtype"])
        for name, spec in manifest["inputs"].items()
        if name not in ("y", "progress")
    }
    return specs if manifest["inputs_are_dict"] else specs["x"]


def to_json(value):
    """Writes a manifest or metrics as JSON text, NumPy numbers included."""

    def plain(item):
        if isinstance(item, np.generic | np.ndarray):
            return item.tolist()
        raise TypeError(f"JSON cannot hold a {type(item).__name__}: {item!r}")

    text = json.dumps(value, default=plain)
    if len(text) < _READABLE:
        text = json.dumps(value, indent=2, default=plain)
    return text + "\n"


def served_spec(commentary):
    """Specs of the inputs that an exported commentary takes: names of groups.

    Args:
        commentary: a `Commentary` that has been called, with integers for groups.

    Returns:
        A `tf.TensorSpec` or a dict of such.
    """
    spec, columns = commentary.batch_spec[0], commentary.columns
    if not columns:
        return spec
    integers = {index_name(name) for name in columns}
    names = {n: tf.TensorSpec([None], column.dtype) for n, column in columns.items()}
    return {**{n: s for n, s in spec.items() if n not in integers}, **names}


def input_specs(commentary, x_spec):
    """Shapes and dtypes of what an exported commentary takes, by name.

    Args:
        commentary: a `Commentary` that has been called.
        x_spec: `tf.TensorSpec` of its inputs, or a dict of such.

    Returns:
        A dict that JSON can hold.
    """

    def describe(spec):
        return {"shape": list(spec.shape), "dtype": spec.dtype.name}

    inputs = x_spec if isinstance(x_spec, dict) else {"x": x_spec}
    specs = {name: describe(spec) for name, spec in inputs.items()}
    if commentary.uses_labels:
        specs["y"] = describe(commentary.batch_spec[1])
    if commentary.uses_progress:
        specs["progress"] = {"shape": [None], "dtype": "float32"}
    return specs
