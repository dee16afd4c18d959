"""What a commentary's artifact says of it, for the metadata store and for people."""

import csv
import io
import json
import os

from tfx.dsl.io import fileio

from tfcommentaries.commentaries.group_table import GroupTable

#: The most bytes of a property: metadata servers take 4 MiB in all.
MOST_BYTES = 64_000
#: The least bytes of a row of a table.
_LEAST_BYTES = 64
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
    metrics = _short(manifest["metrics"], "commentary.json")
    artifact.set_string_custom_property("outer_metric", metrics)
    if entries := manifest.get("group_table"):
        # More rows would be too large in any case.
        some = MOST_BYTES // _LEAST_BYTES + 1
        rows = list(GroupTable({n: values[:some] for n, values in entries.items()}))
        artifact.set_string_custom_property("table", _short(rows, TABLE_FILE))
        text = io.StringIO()  # A write of each row to a file would take longer.
        csv.writer(text).writerows([entries, *zip(*entries.values())])
        with fileio.open(os.path.join(artifact.uri, TABLE_FILE), "w") as file:
            file.write(text.getvalue())


def _short(value, file):
    """A value as JSON, or where to find it, if that is too large for a property."""
    text = json.dumps(value)
    if len(text.encode()) <= MOST_BYTES:
        return text
    return json.dumps({"left_out": f"more than {MOST_BYTES} bytes; see {file}"})
