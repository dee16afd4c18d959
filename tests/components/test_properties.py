"""Properties of a commentary's artifact stay small; its table is a file."""

import csv
import json
import pathlib

import pytest

pytest.importorskip("tfx", reason="TFX is not installed here (extra `tfx`)")

from tfcommentaries.components import CommentaryArtifact
from tfcommentaries.components.commentary_gen.properties import MOST_BYTES, describe


@pytest.mark.parametrize("number", [3, 20_000])
def test_a_table_of_any_size_is_a_file(number, tmp_path):
    artifact = CommentaryArtifact()
    artifact.uri = str(tmp_path)
    table = [
        {"column": "group", "group": f"source {i}", "examples": i, "weight": 0.5}
        for i in range(number)
    ]
    manifest = {"kind": "group_weighting", "metrics": {"loss": 0.5}, "table": table}
    describe(artifact, manifest, "0123")
    with open(pathlib.Path(tmp_path, "table.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["group"] for row in rows] == [row["group"] for row in table]
    found = artifact.get_string_custom_property("table")
    assert len(found) <= MOST_BYTES
    assert (json.loads(found) == table) == (number == 3)
    assert "table.csv" in found or number == 3
    assert (
        json.loads(artifact.get_string_custom_property("outer_metric"))["loss"] == 0.5
    )
