"""Properties of a commentary's artifact stay small; its table is a file."""

import csv
import json
import pathlib

import pytest

pytest.importorskip("tfx", reason="TFX is not installed here (extra `tfx`)")

from tfcommentaries.commentaries import GroupTable
from tfcommentaries.components import CommentaryArtifact
from tfcommentaries.components.commentary_gen.properties import MOST_BYTES, describe


@pytest.mark.parametrize("number", [3, 1_001, 20_000])
def test_a_table_of_any_size_is_a_file(number, tmp_path):
    artifact = CommentaryArtifact()
    artifact.uri = str(tmp_path)
    rows = [
        {"column": "site", "group": f"s{i}", "examples": i, "weight": 0.5, "advice": ""}
        for i in range(number)
    ]
    manifest = {
        "kind": "group_weighting",
        "metrics": {"loss": 0.5},
        "group_table": GroupTable.of_rows(rows).to_dict(),
    }
    describe(artifact, manifest, "0123")
    with open(pathlib.Path(tmp_path, "table.csv"), newline="") as file:
        written = list(csv.DictReader(file))
    assert [row["group"] for row in written] == [row["group"] for row in rows]
    found = artifact.get_string_custom_property("table")
    assert len(found) <= MOST_BYTES
    assert (json.loads(found) == rows) == (number == 3)
    assert "table.csv" in found or number == 3
    assert (
        json.loads(artifact.get_string_custom_property("outer_metric"))["loss"] == 0.5
    )
