"""The command line on data sets of TFDS, which the tests write."""

import json

import numpy as np
import pytest
from command_line import run
from datasets.test_tfds_data import images, table  # noqa: F401

from tfcommentaries import SavedCommentary
from tfcommentaries.cli.run_folder import RunFolder

FEW = ["--inner_steps=2", "--outer_steps=2"]


def test_any_label_and_source_of_images(images, tmp_path, capsys):  # noqa: F811
    flags = [
        "--dataset=mine",
        f"--data_dir={images}",
        "--label_column=given",
        "--true_label_column=label",
        "--group_column=worker",
        "--validation_size=12",
        "--student=mlp",
    ]
    assert run("learn", f"--run_dir={tmp_path}/run", *flags, *FEW) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Learning on 48 examples of mine (50% of the labels are wrong)" in printed
    saved = SavedCommentary(tmp_path / "run" / "commentary")
    assert {row["group"] for row in saved.table()} == {0, 1, 2, 3}
    assert saved.manifest["learned"]["true_label_column"] == "label"
    assert images not in json.dumps(saved.manifest)
    # Which labels are wrong is known later, too.
    data = RunFolder(str(tmp_path / "run")).read_settings().load_data()
    assert data.corrupted.mean() == 0.5


def test_a_table(table, tmp_path):  # noqa: F811
    flags = [
        "--dataset=mine",
        f"--data_dir={table}",
        "--label_column=survived",
        "--validation_size=20",
    ]
    assert run("learn", f"--run_dir={tmp_path}/run", *flags, *FEW) == 0
    where = tmp_path / "run" / "commentary"
    assert SavedCommentary(where).manifest["learned"]["encoding"][0]["name"] == "age"
    assert run("report", where, *flags[:2]) == 0
    flags = ["--epochs=1", f"--model={tmp_path}/it.keras"]
    assert run("teach", f"--run_dir={tmp_path}/run", *flags) == 0


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--dataset=mine", "--checked_column=a"], "--checked_column is for files"),
        (["--true_label_column=label"], "--true_label_column is for files"),
        (
            ["--dataset=it.npz", "--true_label_column=label", "--checked_column=c"],
            "--true_label_column is for data sets of TFDS",
        ),
    ],
)
def test_flags_for_other_data_are_named(flags, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arrays = {"x": np.zeros((4, 2)), "y": np.arange(4) % 2, "c": np.arange(4) % 2}
    np.savez("it.npz", **arrays)
    assert run("learn", "--run_dir=run", *flags) == 1
    assert message in capsys.readouterr().err
