"""The manifest of an exported commentary."""

import datetime
import json
import os
import platform

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries import version
from tfcommentaries.saving.json_files import check_object, read_json

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
#: Increased by one when an older reader cannot use a newer manifest.
FORMAT = 1
_REQUIRED = {
    "format": int,
    "kind": str,
    "class": str,
    "teaching_config": dict,
    "inputs": dict,
    "inputs_are_dict": bool,
    "uses_labels": bool,
    "uses_progress": bool,
    "learned": dict,
    "metrics": dict,
}
_OPTIONAL = {
    "created": str,
    "versions": dict,
    "table": list,
    "doubt": str,
    "prepared_inputs": dict,
    "reading": dict,
}


def make_manifest(commentary, learned=None, metrics=None):
    """Makes the manifest of a commentary that has been called.

    Args:
        commentary: a built `Commentary`.
        learned: dict that says how it was learned: data set, student, steps.
        metrics: dict of what it gained.

    Returns:
        A dict that JSON can hold.
    """
    x_spec = commentary.serving_spec(commentary.batch_spec[0])
    table = commentary.table()
    return {
        "format": FORMAT,
        "kind": commentary.kind,
        "class": keras.saving.get_registered_name(type(commentary)),
        "teaching_config": commentary.get_teaching_config(),
        "inputs": input_specs(commentary, x_spec),
        "inputs_are_dict": isinstance(x_spec, dict),
        "uses_labels": commentary.uses_labels,
        "uses_progress": commentary.uses_progress,
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
        **({} if table is None else {"table": table}),
        **({} if commentary.doubt is None else {"doubt": commentary.doubt}),
    }


def is_commentary(path):
    """Whether a directory is an exported commentary and holds nothing else."""
    if not tf.io.gfile.exists(os.path.join(path, FILE)):
        return False
    names = {name.rstrip("/") for name in tf.io.gfile.listdir(path)}
    return "saved_model.pb" in names and names <= _SAVED_MODEL


def read_manifest(path):
    """Reads the manifest of an exported commentary.

    Args:
        path: directory of the SavedModel.

    Returns:
        The manifest, a dict.

    Raises:
        FileNotFoundError: if there is no SavedModel.
        ValueError: if it is not a commentary, has a newer format, or its manifest is
            not what `make_manifest` writes.
    """
    path = os.fspath(path)
    if not tf.io.gfile.exists(os.path.join(path, "saved_model.pb")):
        raise FileNotFoundError(
            f"There is no SavedModel at {path}: it has no file saved_model.pb. Pass "
            "the directory that `export_commentary` or `tfcommentaries learn` wrote."
        )
    file_path = os.path.join(path, FILE)
    if not tf.io.gfile.exists(file_path):
        raise ValueError(
            f"The SavedModel at {path} is not a commentary: it has no {FILE}. Pass "
            "the directory that `export_commentary` or `tfcommentaries learn` wrote."
        )
    manifest = read_json(file_path, {"format": int})
    if manifest["format"] > FORMAT:
        raise ValueError(
            f"The commentary at {path} has format {manifest['format']}; this "
            f"tfcommentaries {version.__version__} reads up to {FORMAT}. Install the "
            "newest tfcommentaries."
        )
    check_object(manifest, file_path, _REQUIRED, _OPTIONAL)
    for key in "inputs", "prepared_inputs":
        for name, spec in manifest.get(key, {}).items():
            try:
                tf.TensorSpec(spec["shape"], spec["dtype"])
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(
                    f"In the file {file_path} {key!r} has no shape and dtype for "
                    f"{name!r}: {spec!r:.80}"
                ) from error
    for row in manifest.get("table", []):
        if not (
            isinstance(row, dict)
            and isinstance(row.get("column"), str)
            and isinstance(row.get("group"), str | int)
            and isinstance(row.get("advice"), str)
            and isinstance(row.get("examples"), int)
            and isinstance(row.get("weight"), int | float)
            and 0 <= row["weight"] <= 1
        ):
            raise ValueError(
                f"In the file {file_path} a row of 'table' must have a column, a "
                "group, an advice, a number of examples and a weight from 0 to 1. "
                f"Found: {row!r:.80}"
            )
    if not manifest["inputs_are_dict"] and "x" not in manifest["inputs"]:
        raise ValueError(f"In the file {file_path} 'inputs' lacks 'x'.")
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

    return json.dumps(value, indent=2, default=plain) + "\n"


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
