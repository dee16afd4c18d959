"""What a commentary's artifact says of it, for the metadata store and for people."""

import csv
import json
import os

from tfx.dsl.io import fileio

#: The most bytes of a property: metadata servers take 4 MiB in all.
MOST_BYTES = 64_000
#: The whole table of sources, in the artifact.
TABLE_FILE = "table.csv"


def describe(artifact, manifest, fingerprint):
    """Sets the custom properties of a commentary's artifact, and writes its table.

    Args:
        artifact: the artifact, with the commentary in it.
        manifest: the commentary's.
        fingerprint: of the data that it was learned on.
    """
    artifact.set_string_custom_property("kind", manifest["kind"])
    artifact.set_string_custom_property("data_fingerprint", fingerprint)
    _set_json(artifact, "outer_metric", manifest["metrics"])
    table = manifest.get("table")
    if table:
        _set_json(artifact, "table", table)
        columns = list(dict.fromkeys(key for row in table for key in row))
        with fileio.open(os.path.join(artifact.uri, TABLE_FILE), "w") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(table)


def _set_json(artifact, name, value):
    """Sets a property, or a note where it would be too large."""
    text = json.dumps(value)
    if len(text.encode()) > MOST_BYTES:
        text = json.dumps({"left_out": f"{len(text)} bytes; see {TABLE_FILE}"})
    artifact.set_string_custom_property(name, text)
