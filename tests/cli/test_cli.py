"""The command line as people use it: whole runs, interruption, wrong input."""

import argparse
import csv
import json
import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from command_line import run

from tfcommentaries import SavedCommentary
from tfcommentaries.cli import columns
from tfcommentaries.cli.run_folder import RunFolder

ROOT = pathlib.Path(__file__).parents[2]
LEARN = [
    "--label_noise=0.4",
    "--label_noise_kind=pair",
    "--train_size=128",
    "--validation_size=100",
    "--outer_steps=6",
    "--inner_steps=3",
    "--steps_per_epoch=2",
]


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A finished run."""
    folder = tmp_path_factory.mktemp("run") / "run"
    assert run("learn", f"--run_dir={folder}", *LEARN) == 0
    return folder


def test_learn_writes_a_whole_run_folder(learned):
    config = json.loads((learned / "config.json").read_text())
    assert (config["label_noise"], config["label_noise_kind"]) == (0.4, "pair")
    assert len(list(csv.DictReader((learned / "history.csv").open()))) == 3
    manifest = SavedCommentary(learned / "commentary").manifest
    assert manifest["learned"].pop("method") == "UnrolledTraining"
    assert config.pop("files") == {}
    # Not what had no part in it, nor what would tell about this machine.
    applied = {k: v for k, v in config.items() if v not in (None, {})}
    for key in ("spoiled_sources", "image_size", "start_from_checked"):
        del applied[key]
    assert manifest["learned"] == applied
    assert manifest["metrics"]["loss"] > 0
    pictures = {p.name for p in (learned / "pictures").iterdir()}
    assert pictures == {
        "examples.png",
        "learning.png",
        "weights.png",
        "weights_by_label_quality.png",
    }


def test_learn_again_does_nothing(learned, capsys):
    before = (learned / "commentary" / "saved_model.pb").stat().st_mtime_ns
    assert run("learn", f"--run_dir={learned}", *LEARN) == 0
    assert "has already been learned" in capsys.readouterr().out
    assert (learned / "commentary" / "saved_model.pb").stat().st_mtime_ns == before


def test_learn_with_other_settings_is_refused(learned, capsys):
    assert run("learn", f"--run_dir={learned}", *LEARN, "--inner_steps=4") == 1
    message = capsys.readouterr().err
    assert "inner_steps: 3 there, 4 now" in message
    assert "another --run_dir" in message


def test_evaluate_compares_new_students(learned, capsys):
    arguments = ["--steps=6", "--every=3", "--seeds=2"]
    assert run("evaluate", f"--run_dir={learned}", *arguments) == 0
    printed = capsys.readouterr().out
    assert "Test accuracy: mean ± std over 2 new students" in printed
    found = RunFolder(str(learned)).read_metrics()
    assert {one.name for one in found.conditions} == {
        "plain training",
        "the commentary",
        "one weight for all",
        "checked examples added",
        "checked examples alone",
        "a filter",
    }
    assert found.steps == [3, 6] and found.verdict().text in " ".join(printed.split())
    words = " ".join(printed.split())
    for one in found.conditions:
        assert f" {one.name}: {one.explanation}" in words
    assert max(map(len, printed.partition("Written:")[0].splitlines())) <= 80
    assert (learned / "pictures" / "scores.png").stat().st_size > 10_000


def test_sources(tmp_path, capsys):
    folder = tmp_path / "sources"
    flags = ["--spoiled_sources", "--validation_size=50", "--inner_steps=10"]
    assert run("learn", f"--run_dir={folder}", *flags, "--repeats=1") == 0
    printed = capsys.readouterr().out
    assert "10 student steps, 2 times." in " ".join(printed.split())
    # It has settled long before.
    assert "at most 10 outer" in printed and "outer step 10" not in printed
    assert "what is wrong with it" in printed
    lines = re.sub("Learned in .*", "", printed).splitlines()
    assert max(map(len, lines)) <= 80
    (clean,) = [line for line in printed.splitlines() if line.startswith("source 4")]
    assert clean.split()[-2:] == ["trust", "nothing"]
    flags = ["--steps=8", "--seeds=1"]
    assert run("evaluate", f"--run_dir={folder}", *flags) == 0
    assert "student 10 of 10" in capsys.readouterr().out
    found = RunFolder(str(folder)).read_metrics()
    assert {one.name for one in found.conditions} == {
        "plain training",
        "checked examples added",
        "checked examples alone",
        "a filter",
        "the commentary's weights",
        "the sources it trusts",
        "sources agreeing 50% as often as the best",
        "sources agreeing 80% as often as the best",
        "sources agreeing 80%, nothing checked",
        "the good sources",
    }
    assert found.steps == [2, 4, 6, 8] and found.verdict().answer == "unknown"
    pictures = {p.stem for p in (folder / "pictures").iterdir()}
    assert pictures == {"learning", "learning_curves", "scores", "sources"}
    assert run("report", folder) == 0
    page = (folder / "report.html").read_text()
    assert 'aria-label="Table of sources"' in page and ">interval</th>" in page
    assert run("inspect", folder / "commentary") == 0
    printed = capsys.readouterr().out
    assert str(SavedCommentary(folder / "commentary").table()) in printed
    assert "weight  interval" in printed
    # Settings of other kinds, and those that were not set.
    for name in ("curriculum", "label_noise", "label_column", "image_size", ": None"):
        assert name not in printed
    assert "spoiled_sources: True" in printed and "normalize" not in printed
    model = tmp_path / "taught.keras"
    flags = [f"--model={model}", "--epochs=1"]
    assert run("teach", f"--run_dir={folder}", *flags) == 0
    assert keras.models.load_model(model).input_shape == (None, 8, 8, 1)
    assert "val_accuracy" in capsys.readouterr().out
    assert run("teach", f"--run_dir={folder}", *flags, "--trusted") == 0
    printed = capsys.readouterr().out
    # Examples of the trusted sources, and the 50 checked ones.
    saved = SavedCommentary(folder / "commentary")
    trusted = [row for row in saved.table() if row["group"] in saved.trusted()]
    number = 50 + sum(row["examples"] for row in trusted)
    batches = -(-number // RunFolder(str(folder)).read_settings().batch_size)
    assert "val_accuracy" not in printed and f"{batches}/{batches} - " in printed


@pytest.mark.parametrize(
    "command, flag",
    [
        ("learn", "--outer_steps=0"),
        ("learn", "--batch_size=0"),
        ("learn", "--train_size=-5"),
        ("evaluate", "--steps=0"),
        ("evaluate", "--every=0"),
        ("learn", "--learning_rate=0"),
        ("learn", "--outer_learning_rate=nan"),
    ],
)
def test_sizes_of_zero_are_refused_by_name(command, flag, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        run(command, f"--run_dir={tmp_path}/run", flag)
    assert ended.value.code == 2
    name, _, value = flag.partition("=")
    least = "above 0" if name.endswith("rate") else "at least 1"
    assert f"{name}: must be {least}, not {value}" in capsys.readouterr().err


def test_teach_saves_a_keras_model(learned, tmp_path, capsys):
    model = tmp_path / "new" / "taught.keras"
    arguments = ["teach", f"--run_dir={learned}", f"--model={model}", "--epochs=1"]
    assert run(*arguments, "--trusted") == 1
    assert "runs that learned weights of sources" in capsys.readouterr().err
    assert run(*arguments, "--student=few_shot_net") == 0
    loaded = keras.models.load_model(model)
    assert loaded.name == "few_shot_net"
    data = RunFolder(str(learned)).read_settings().load_data()
    accuracy = loaded.evaluate(*data.splits.test, verbose=0, return_dict=True)
    assert f"accuracy {accuracy['accuracy']:.4f}" in capsys.readouterr().out
    assert [p.name for p in model.parent.iterdir()] == ["taught.keras"]


def test_report_is_one_page(learned, tmp_path, capsys):
    assert run("report", learned) == 0
    text = (learned / "report.html").read_text()
    assert "it is known which labels are wrong" in text
    output = tmp_path / "it.html"
    saved = learned / "commentary"
    assert run("report", saved, "--dataset=digits", f"--output={output}") == 0
    assert "suspects" in output.read_text()
    np.savez(tmp_path / "bad.npz", z=1)
    assert run("report", saved, f"--dataset={tmp_path}/bad.npz") == 1
    assert "must hold 'x'" in capsys.readouterr().err


def test_inspect_prints_the_manifest(learned, capsys):
    assert run("inspect", learned / "commentary") == 0
    printed = capsys.readouterr().out
    assert "example_weighting" in printed
    assert "x: float32 (None, 8, 8, 1)" in printed
    assert "inner_steps: 3" in printed
    assert run("inspect", learned / "commentary", "--json") == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "example_weighting"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "--run_dir=nowhere"], "nowhere is not the folder of a run"),
        (["inspect", "nowhere"], "no SavedModel at nowhere"),
        (["learn", "--run_dir=new", "--dataset=no_such"], "data set 'no_such'"),
        (
            ["learn", "--run_dir=new", "--label_noise=4"],
            "'label_noise' must be",
        ),
        (
            ["learn", "--run_dir=new", "--validation_size=0"],
            "'validation_size' must be",
        ),
        (["learn", "--run_dir=new", "--student=nothing"], "no student 'nothing'"),
        (["teach", "--run_dir=new", "--model=it.h5"], "must end with .keras"),
        (["inspect", "xyz://a/b"], "scheme 'xyz' not implemented"),
        (["store", "list", "mnist", "--data_dir=xyz://a/b"], "no data set"),
    ],
)
def test_wrong_input_is_one_clear_line(
    arguments, message, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert list(tmp_path.iterdir()) == []


def test_what_tensorflow_cannot_read_is_one_line_and_its_other_errors_are_not_hidden(
    monkeypatch, capsys
):
    def fail(error):
        def run_inspect(args):
            raise error

        monkeypatch.setattr("tfcommentaries.cli.inspect.run", run_inspect)
        return run("inspect", "it")

    missing = tf.errors.NotFoundError(None, None, "no file\nat some place")
    assert fail(missing) == 1
    assert capsys.readouterr().err == "error: no file\n"
    for error in (
        tf.errors.InternalError(None, None, "out of order"),
        tf.errors.NotFoundError(None, None, "Graph execution error:\n\nno kernel"),
    ):
        with pytest.raises(type(error)):
            fail(error)


@pytest.mark.parametrize("arguments", [[], ["learn"], ["fly"], ["learn", "--steps=x"]])
def test_a_wrong_command_line_ends_with_2(arguments):
    with pytest.raises(SystemExit) as stop:
        run(*arguments)
    assert stop.value.code == 2


def test_help_is_quick_and_names_the_commands():
    command = [sys.executable, "-X", "importtime", "-m", "tfcommentaries.cli.main"]
    done = subprocess.run([*command, "--help"], capture_output=True, text=True)
    for name in ("learn", "evaluate", "teach", "inspect"):
        assert f"    {name} " in done.stdout
    assert "tensorflow" not in done.stderr
    # First of all, a table of the user's own.
    first = done.stdout.partition("learn ")[2].partition("tfcommentaries")[0]
    flags = ["--run_dir", "--dataset=train.csv", "--label_column", "--group_column"]
    flags += ["--checked_column", "--test_data=test.csv"]
    assert all(flag in first for flag in flags) and "spoiled" not in first


@pytest.mark.parametrize("name", ["mine.csv", "mine.npz"])
def test_a_missing_column_is_named_before_tensorflow_starts(name, tmp_path):
    (tmp_path / "mine.csv").write_text("\ufeffsize,lable,x\n1,a,2\n", "utf-8")
    np.savez(tmp_path / "mine.npz", x=np.zeros(2), lable=np.zeros(2))
    command = [sys.executable, "-X", "importtime", "-m", "tfcommentaries.cli.main"]
    command += ["learn", "--run_dir=new", f"--dataset={tmp_path / name}"]
    command += ["--group_column=lable"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    error = done.stderr.splitlines()[-1]
    assert done.returncode == 1 and error.startswith("error: ") and len(error) <= 400
    label = "label" if name.endswith("csv") else "y"
    assert f"no column {label!r}. Name the one that it has with --label_col" in error
    assert ("Did you mean 'lable'?" in error) == name.endswith("csv")
    assert "lable" in error and not (tmp_path / "new").exists()
    assert not re.search(r"\| *(tensorflow|pandas|numpy)$", done.stderr, re.M)


def test_columns_that_pandas_names_are_not_refused(tmp_path):
    for head in ("a,a,label", ",b,label", "\n", ""):
        (tmp_path / "t.csv").write_text(head)
        path = str(tmp_path / "t.csv")
        args = argparse.Namespace(dataset=path, validation_data=None, test_data=None)
        for name in ("label", "image", "group", "checked"):
            setattr(args, f"{name}_column", "a.1")
        columns.check(args)
