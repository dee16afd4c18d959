"""Exporting a commentary as a SavedModel."""

import os
import re
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfcommentaries.commentaries.commentary import Commentary, check_is_commentary
from tfcommentaries.saving.example_annotation import ExampleAnnotation
from tfcommentaries.saving.example_reading import ExampleReading
from tfcommentaries.saving.graph_check import check_graph
from tfcommentaries.saving.manifest import (
    FILE,
    input_specs,
    is_commentary,
    make_manifest,
    served_spec,
    to_json,
)
from tfcommentaries.saving.replacing import replacing_directory
from tfcommentaries.typing import Path
from tfcommentaries.upstream.empty_batches import annotate_any

#: Names that the signature uses for what is not a user's input.
_RESERVED = ("y", "progress")


def export_commentary(
    commentary: Commentary,
    path: Path,
    learned: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
    reading: ExampleReading | None = None,
    columns: keras.Model | None = None,
) -> None:
    """Exports a commentary as a SavedModel that does not need this package.

    Its signature `annotate`, which is also `serving_default`, takes the inputs by name
    (`x`, or the entries of a dict, with `_` for characters that SavedModels do not
    allow), and `y` and `progress` if the commentary uses them, for any batch size.
    `progress` is a number from 0 to 1 for each example; the graph checks it. The output
    is `annotation`. The manifest is `assets/commentary.json`.

    Args:
        commentary: a `Commentary` that has been called or learned.
        path: directory. An existing commentary is replaced when the new one is
            complete.
        learned: as for `make_manifest`.
        metrics: as for `make_manifest`.
        reading: `ExampleReading`; adds a signature `serve_examples` from serialized
            tf.Examples to annotations; those of a curriculum at progress 0, 0.5 and 1,
            named `annotation_0` and so on.
        columns: `keras.Model` from a dict of raw columns to the inputs, as
            `TableEncoding.model` makes it; adds a signature `annotate_columns`, which
            takes the columns by name in place of `x`.

    Raises:
        TypeError: if `commentary` is not a `Commentary`.
        FileExistsError: if `path` holds anything but a commentary.
        ValueError: if the commentary has never been called, or takes a dict of inputs
            and `columns` is given.
    """
    check_is_commentary(commentary, "export_commentary(weighting, path)")
    if commentary.batch_spec is None:
        raise ValueError(
            f"The commentary {commentary.name!r} does not know its inputs yet. Learn "
            "it, or call it on a batch, before exporting it."
        )
    seen_spec = commentary.batch_spec[0]
    parts = seen_spec.values() if isinstance(seen_spec, dict) else [seen_spec]
    if any(map(tf.nest.is_nested, parts)):
        raise ValueError(
            "An exported commentary takes its inputs by name, but this one sees a list "
            "of inputs. Learn it on a dict, {'image': ..., 'table': ...}."
        )
    manifest = make_manifest(commentary, learned, metrics)
    x_spec = served_spec(commentary)
    taken = set(_RESERVED).intersection(x_spec if isinstance(x_spec, dict) else ())
    if taken:
        raise ValueError(
            f"The inputs have entries named {sorted(taken)}, which an exported "
            "commentary keeps for the labels and the progress. Rename them."
        )
    if x_spec != seen_spec:
        manifest["prepared_inputs"] = input_specs(commentary, seen_spec)

    def annotate(inputs):
        inputs = dict(inputs)
        y, progress = inputs.pop("y", None), inputs.pop("progress", None)
        x = inputs if manifest["inputs_are_dict"] else inputs["x"]
        if progress is not None:
            progress = _checked(progress, tf.nest.flatten(x)[0])
        return {"annotation": annotate_any(commentary, x, y, progress)}

    def annotate_columns(inputs):
        others = {name: inputs[name] for name in _RESERVED if name in inputs}
        x = columns({key: inputs[name] for key, name in names.items()})
        return annotate({**others, "x": x})

    if columns is not None:
        if manifest["inputs_are_dict"]:
            raise ValueError(
                "`columns` is for a commentary of one input, but this one takes "
                f"{sorted(x_spec)}."
            )
        names = {key: values.name for key, values in columns.input.items()}
        if taken := set(_RESERVED).intersection(names.values()):
            raise ValueError(
                f"The columns {sorted(taken)} are named like the labels and the "
                "progress of an exported commentary. Rename them."
            )
    if reading is not None:
        manifest["reading"] = reading.get_config()
    text = to_json(manifest)
    with replacing_directory(path, is_commentary) as directory:
        archive = keras.export.ExportArchive()
        archive.track(commentary)
        for layer in commentary._flatten_layers():
            # Not every Keras finds tables of layers in lists.
            for value in vars(layer).values():
                if isinstance(value, tf.saved_model.experimental.TrackableResource):
                    archive.track(value)
        archive.add_endpoint("annotate", annotate, [_signature(manifest["inputs"])])
        if "prepared_inputs" in manifest:
            # For use inside a training step, after `prepare`.
            prepared = _signature(manifest["prepared_inputs"])
            archive.add_endpoint("annotate_prepared", annotate, [prepared])
        if columns is not None:
            archive.track(columns)
            spec = _signature(manifest["inputs"])
            del spec["x"]
            for values in columns.inputs:
                name = values.name
                spec[name] = tf.TensorSpec([None, 1], values.dtype, name=name)
            archive.add_endpoint("annotate_columns", annotate_columns, [spec])
        if reading is not None:
            archive.add_endpoint(
                "serve_examples",
                ExampleAnnotation(commentary, reading, x_spec),
                [tf.TensorSpec([None], tf.string, name="examples")],
            )
        archive.write_out(directory, verbose=False)
        check_graph(directory)
        with tf.io.gfile.GFile(os.path.join(directory, FILE), "w") as file:
            file.write(text)


def _checked(progress, x):
    """Progress, checked, since requests may hold anything."""
    message = "progress must be one number from 0 to 1 for each example."
    one_each = tf.equal(tf.shape(progress)[0], tf.shape(x)[0])
    in_range = tf.reduce_all((progress >= 0) & (progress <= 1))  # False for NaN.
    checks = [tf.debugging.Assert(c, [message]) for c in (one_each, in_range)]
    with tf.control_dependencies(checks):
        return tf.identity(progress)


def _signature(specs):
    return {
        name: tf.TensorSpec(spec["shape"], spec["dtype"], name=_served_name(name))
        for name, spec in specs.items()
    }


def _served_name(name):
    """The name of an input with the characters that SavedModels allow."""
    served = re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)
    return served if served[:1].isalnum() else f"column{served}"
