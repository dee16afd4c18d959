"""Files that change, vanish or fill up under a run, and runs that are tampered with."""

import json
import os
import resource
import shutil
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from command_line import FEW, run

from tfcommentaries.cli.progress import LearningProgress
from tfcommentaries.teaching import Comparison


def write(folder, flipped=False):
    """train.csv with 40 rows, ten of them checked, and test.csv."""
    x = np.random.default_rng(0).normal(size=(40, 2)).round(3)
    table = pd.DataFrame(x, columns=["a", "b"]).assign(
        label=(x[:, 0] > 0) ^ flipped, checked=np.arange(40) < 10
    )
    table.to_csv(folder / "train.csv", index=False)
    table.drop(columns="checked").to_csv(folder / "test.csv", index=False)


def flags(folder):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(
        folder / "student.keras"
    )
    return [
        f"--run_dir={folder}/run",
        f"--dataset={folder}/train.csv",
        f"--test_data={folder}/test.csv",
        "--checked_column=checked",
        f"--student={folder}/student.keras",
        *FEW,
    ]


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A folder with data and the finished run on them, to be copied."""
    folder = tmp_path_factory.mktemp("learned")
    write(folder)
    assert run("learn", *flags(folder)) == 0
    return folder


@pytest.fixture
def folder(learned):
    """The same, as it was."""
    kept = f"{learned}.kept"
    if not os.path.exists(kept):
        shutil.copytree(learned, kept)
    yield learned
    shutil.rmtree(learned, ignore_errors=True)
    shutil.copytree(kept, learned)


def refused(capsys, *arguments):
    """The one line that a command ends with."""
    capsys.readouterr()
    assert run(*arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1, error
    assert len(error) < 450
    return error


def test_data_that_changed_under_a_run_are_refused(tmp_path, monkeypatch, capsys):
    write(tmp_path)
    arguments = flags(tmp_path)
    begin = LearningProgress.on_epoch_begin

    def interrupt(self, epoch, logs=None):
        begin(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LearningProgress, "on_epoch_begin", interrupt)
        assert run("learn", *arguments) == 130
    write(tmp_path, flipped=True)
    error = refused(capsys, "learn", *arguments)
    assert f"{tmp_path}/train.csv (--dataset) has changed" in error
    assert not (tmp_path / "run" / "commentary").exists()
    # The checkpoint knows by itself.
    config = tmp_path / "run" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "files": {}}))
    error = refused(capsys, "learn", *arguments)
    assert "training data are not those that the checkpoint" in error
    write(tmp_path)
    assert run("learn", *arguments) == 0


@pytest.mark.parametrize("command", ["evaluate", "teach", "report"])
@pytest.mark.parametrize("name", ["train.csv", "test.csv", "student.keras"])
def test_files_that_changed_since_are_refused(folder, command, name, capsys):
    arguments = [f"--run_dir={folder}/run"]
    if command == "teach":
        arguments.append(f"--model={folder}/taught.keras")
    with open(folder / name, "ab") as file:
        file.write(b"\n")
    if command == "report":
        arguments = [f"{folder}/run"]
    error = refused(capsys, command, *arguments)
    assert f"{folder}/{name} (--" in error and "has changed" in error


def test_a_folder_that_is_deleted_under_a_run_is_noticed(tmp_path, monkeypatch, capsys):
    write(tmp_path)
    begin = LearningProgress.on_epoch_begin

    def delete(self, epoch, logs=None):
        begin(self, epoch, logs)
        if epoch == 1:
            shutil.rmtree(tmp_path / "run")

    monkeypatch.setattr(LearningProgress, "on_epoch_begin", delete)
    error = refused(capsys, "learn", *flags(tmp_path))
    assert f"{tmp_path}/run was deleted or replaced" in error
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_deleted_under_an_evaluation_is_noticed(
    folder, monkeypatch, capsys
):
    def delete(*args, **kwargs):
        shutil.rmtree(folder / "run")
        return Comparison.from_config({"conditions": [PLAIN, OURS], "rows": ROWS})

    monkeypatch.setattr("tfcommentaries.cli.evaluate.evaluate", delete)
    error = refused(
        capsys, "evaluate", f"--run_dir={folder}/run", "--steps=2", "--seeds=1"
    )
    assert f"{folder}/run" in error and not (folder / "run").exists()


@pytest.mark.parametrize("size", [100, 4000])
def test_a_full_disk_is_one_line(tmp_path, size, capsys):
    """Files cannot grow beyond a size, which is as if the disk were full."""
    write(tmp_path)
    arguments = flags(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        error = refused(capsys, "learn", *arguments)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert f"{tmp_path}/run/" in error and "{{" not in error
    assert run("learn", *arguments) == 0


def test_closed_standard_files_are_none_of_ours(learned):
    """With its output closed, the next file to be opened would get what is printed."""
    code = f"exec {sys.executable} -m tfcommentaries.cli.main inspect {learned}"
    code += "/run/commentary {} && echo done >&3"
    for closed in (">&-", "<&- >&- 2>&-"):
        done = subprocess.run(
            ["sh", "-c", f"({code.format(closed)}) 3>&1"],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert done.stdout in ("", "done\n") and done.returncode == 0, done.stderr


def test_images_larger_than_memory_are_refused(tmp_path, capsys):
    for name in "ab":
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(4):
            image = tf.io.encode_png(np.zeros((4, 4, 3), "uint8")).numpy()
            (tmp_path / "images" / name / f"{number}.png").write_bytes(image)
    images = [f"--{name}={tmp_path}/images" for name in ("dataset", "validation_data")]
    error = refused(
        capsys, "learn", f"--run_dir={tmp_path}/run", *images, "--image_size=40000"
    )
    assert "8 images of 40000 x 40000 pixels from" in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["config.json", "history.csv", "metrics.json"])
def test_pipes_in_a_run_are_refused_at_once(folder, name, capsys):
    path = folder / "run" / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    assert f"{path}" in refused(capsys, "report", folder / "run")


CHANGES = [
    {"seed": -1},
    {"seed": 10**30},
    {"batch_size": 0},
    {"batch_size": 2.5},
    {"learning_rate": float("nan")},
    {"label_noise": 3},
    {"labels": "texts"},
    {"label_noise_kind": "all"},
    {"image_size": None},
    {"commentary": "weights"},
    {"steps_per_epoch": "2"},
    {"files": {"dataset": 7}},
    {"files": []},
    {"dataset": 7},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_settings_of_a_wrong_type_or_range_name_the_file(folder, change, capsys):
    config = folder / "run" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), **change}))
    error = refused(capsys, "report", folder / "run")
    assert str(config) in error and next(iter(change)) in error


def test_a_run_names_no_code(folder, capsys, tmp_path):
    config = folder / "run" / "config.json"
    called = tmp_path / "called"
    settings = {**json.loads(config.read_text()), "student": "os:system"}
    config.write_text(json.dumps(settings))
    for more in ([], ["--student=os:system"], [f"--student=pathlib:Path{called}"]):
        error = refused(capsys, "evaluate", f"--run_dir={folder}/run", *more)
        assert "os:system" in error or "pathlib" in error


PLAIN = {"name": "plain", "explanation": "", "role": "plain"}
OURS = {"name": "ours", "explanation": "", "role": "ours"}
ROW = {"condition": "plain", "step": 2, "metric": "accuracy", "values": [0.4, 0.6]}
ROWS = [ROW, {**ROW, "condition": "ours"}]


@pytest.mark.parametrize(
    "found",
    [
        {"conditions": [PLAIN], "rows": [ROW]},
        {"conditions": [PLAIN, OURS], "rows": [ROW, {**ROWS[1], "metric": "auc"}]},
        {"conditions": [PLAIN, OURS], "rows": [ROW, {**ROWS[1], "values": [1]}]},
        {"conditions": [PLAIN, OURS], "rows": [ROW, {**ROWS[1], "values": ["x", 1]}]},
        {"conditions": [PLAIN, {**OURS, "role": "x"}], "rows": ROWS},
        {"conditions": [], "rows": []},
        {},
        [],
        7,
    ],
    ids=range(9),
)
def test_measurements_that_cannot_be_compared_name_the_file(folder, found, capsys):
    metrics = folder / "run" / "metrics.json"
    metrics.write_text(json.dumps(found))
    assert str(metrics) in refused(capsys, "report", folder / "run")


@pytest.mark.parametrize("make", ["file", "pipe"])
def test_a_folder_with_a_config_of_somebody_else_is_left_alone(tmp_path, make, capsys):
    write(tmp_path)
    config = tmp_path / "run" / "config.json"
    config.parent.mkdir()
    if make == "pipe":
        os.mkfifo(config)
    else:
        config.write_text('{"theirs": 1}')
    assert str(config) in refused(capsys, "learn", *flags(tmp_path))
    if make == "file":
        assert config.read_text() == '{"theirs": 1}'
    else:
        assert config.is_fifo()
    assert not list((tmp_path / "run").rglob("*.new"))
