"""The command line on a user's own files."""

import json
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from command_line import FEW, run

from tfcommentaries import SavedCommentary, datasets
from tfcommentaries.cli.run_folder import RunFolder


@pytest.fixture
def tables(tmp_path, digits):
    """`(folder, faults)`: train.csv with sources and 50 checked rows, and test.csv."""
    train = datasets.Examples(digits.train.x[:700], digits.train.y[:700])
    (x, y), source, faults = datasets.spoil_sources(
        train, 10, faults=("nothing", "nothing", "labels moved by one", "random labels")
    )
    names = np.array([f"digit {i}" for i in range(10)])

    def frame(x, y):
        table = pd.DataFrame(255 * x.reshape(len(x), -1))
        return table.rename(columns=str).assign(label=names[y])

    checked = frame(digits.train.x[700:750], digits.train.y[700:750])
    rows = [
        frame(x, y).assign(annotator=source, checked=0),
        checked.assign(annotator="", checked=1),
    ]
    pd.concat(rows).to_csv(tmp_path / "train.csv", index=False)
    test = frame(*digits.test)  # Which has neither sources nor what is checked.
    test.to_csv(tmp_path / "test.csv", index=False)
    return tmp_path, faults


def test_a_table_of_the_users_own(tables, capsys):
    folder, faults = tables
    run_dir = folder / "run"
    flags = [
        f"--dataset={folder}/train.csv",
        f"--test_data={folder}/test.csv",
        "--group_column=annotator",
        "--checked_column=checked",
        "--inner_steps=20",
    ]
    assert run("learn", f"--run_dir={run_dir}", *flags) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Learning on 700 examples" in printed and "50 validation" in printed
    saved = SavedCommentary(run_dir / "commentary")
    good = {name for name, fault in faults.items() if fault == "nothing"}
    assert set(saved.table().trusted()) == good
    assert str(folder) not in json.dumps(saved.manifest)
    flags = ["--steps=40", "--seeds=2"]
    assert run("evaluate", f"--run_dir={run_dir}", *flags) == 0
    found = RunFolder(str(run_dir)).read_metrics()
    assert not found.with_role("oracle")
    (plain,) = found.with_role("plain")
    assert found.gain("the commentary's weights", plain).mean > 0.05
    assert run("report", run_dir) == 0
    capsys.readouterr()
    assert run("inspect", run_dir / "commentary") == 0
    printed = capsys.readouterr().out
    assert "  encoding:\n    name: 0, fill: " in printed
    assert "checked_column: checked" in printed and "validation_size" not in printed


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--group_column=annotater"], "Did you mean 'annotator'?"),
        (["--label_column=lable"], "Did you mean 'label'?"),
        (["--checked_column=label"], "is named for two purposes"),
        (["--dataset=nowhere.csv"], "There is no file nowhere.csv"),
        (["--validation_data=test.csv"], "one of the two"),
        (["--dataset=digits"], "--checked_column is for files"),
    ],
)
def test_files_that_do_not_fit_are_named(flags, message, tables, capsys):
    folder, _ = tables
    common = [f"--dataset={folder}/train.csv", "--checked_column=checked"]
    if "--group_column" not in flags[0] and "--dataset=digits" not in flags:
        common.append("--group_column=annotator")
    assert run("learn", f"--run_dir={folder}/run", *common, *flags) == 1
    assert message in capsys.readouterr().err
    assert not (folder / "run").exists()


def whole_way(run_dir, *flags):
    """From files to a report; gives the manifest of what was learned."""
    assert run("learn", f"--run_dir={run_dir}", *FEW, *flags) == 0
    few = ["--steps=8", "--seeds=1"]
    assert run("evaluate", f"--run_dir={run_dir}", *few) == 0
    assert run("report", run_dir) == 0
    assert "<html" in (run_dir / "report.html").read_text()
    return SavedCommentary(run_dir / "commentary").manifest


def write_images(folder, examples, classes=(0, 1, 2)):
    """Digits as PNGs of several sizes, a folder for each class."""
    for number, (image, label) in enumerate(zip(*examples)):
        if label in classes:
            place = folder / f"digit {label}"
            place.mkdir(parents=True, exist_ok=True)
            image = np.repeat(image, 1 + number % 2, 0)
            png = tf.io.encode_png(tf.cast(255 * image, tf.uint8)).numpy()
            (place / f"{number}.png").write_bytes(png)


def test_a_folder_of_images(tmp_path, digits):
    write_images(tmp_path / "train", (digits.train.x, digits.train.y))
    write_images(tmp_path / "checked", digits.validation)
    write_images(tmp_path / "test", (digits.test.x[:200], digits.test.y[:200]))
    manifest = whole_way(
        tmp_path / "run",
        f"--dataset={tmp_path}/train/",
        f"--validation_data={tmp_path}/checked",
        f"--test_data={tmp_path}/test",
        "--image_size=16",
    )
    assert manifest["learned"]["dataset"] == "train"
    assert manifest["inputs"]["x"]["shape"] == [None, 16, 16, 3]


def test_a_table_with_texts_and_missing_values(tmp_path):
    generator = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "size": generator.normal(size=300),
            "colour": generator.choice(["red", "green", None], 300),
            "new": generator.integers(0, 2, 300).astype(bool),
            "shop": generator.choice(["a", "b"], 300),
            "label": generator.choice(["buys", "leaves"], 300),
        }
    )
    table.loc[::7, "size"] = np.nan
    table.assign(checked=np.arange(300) < 40).to_csv(tmp_path / "t.csv", index=False)
    table.to_parquet(tmp_path / "test.parquet")
    flags = f"--dataset={tmp_path}/t.csv", f"--test_data={tmp_path}/test.parquet"
    flags += ("--checked_column=checked",)
    manifest = whole_way(tmp_path / "run", *flags)
    encoding = datasets.TableEncoding.from_config(manifest["learned"]["encoding"])
    names = ["size", "size is missing", "colour=green", "colour=red", "new"]
    assert encoding.names == [*names, "shop=a", "shop=b"]
    found = RunFolder(str(tmp_path / "run")).read_metrics()
    metrics = {"auc", "accuracy", "loss", "training_loss"}
    assert {row.metric for row in found.rows} == metrics
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Test AUC of new students" in page and "(points)" in page
    report = ["report", tmp_path / "run" / "commentary"]
    assert run(*report, f"--dataset={tmp_path}/test.parquet") == 0
    model = tmp_path / "taught.keras"
    run_dir = f"--run_dir={tmp_path}/run"
    assert run("teach", run_dir, f"--model={model}", "--epochs=1") == 0
    # It takes the columns as they are, and encodes them as it was taught.
    taught = keras.models.load_model(model)
    columns = {
        name: tf.constant(values[:, None])
        for name, values in {
            "size": table["size"].to_numpy("float32"),
            "colour": table["colour"].fillna("").to_numpy(str),
            "new": table["new"].to_numpy("float32"),
            "shop": table["shop"].to_numpy(str),
        }.items()
    }
    encoded = taught.layers[-1].predict(encoding(table), verbose=0)
    np.testing.assert_allclose(
        taught.predict(columns, verbose=0), encoded, rtol=1e-5, atol=1e-6
    )
    # So does the served commentary.
    served = tf.saved_model.load(str(tmp_path / "run" / "commentary"))
    labels = (table["label"] == "leaves").to_numpy("int32")
    found = served.signatures["annotate_columns"](**columns, y=tf.constant(labels))
    saved = SavedCommentary(tmp_path / "run" / "commentary")
    expected = saved(encoding(table), y=labels)
    np.testing.assert_allclose(found["annotation"], expected, rtol=1e-5)


def test_arrays_with_numbers_to_predict(tmp_path, capsys):
    """One of three sites tells the opposite."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(240, 3)).astype("float32")
    y, site = 1e4 * (x[:, 0] + 5), np.arange(240) % 3
    told = np.where(site == 2, 1e5 - y, y)
    np.savez(tmp_path / "train.npz", x=x[:150], y=told[:150], site=site[:150])
    np.savez(tmp_path / "right.npz", x=x[150:], y=y[150:])
    flags = [f"--dataset={tmp_path}/train.npz", "--group_column=site"]
    flags += [f"--{n}_data={tmp_path}/right.npz" for n in ("validation", "test")]
    manifest = whole_way(tmp_path / "run", *flags)
    assert sorted(manifest["group_table"]["group"]) == [0, 1, 2]
    found = RunFolder(str(tmp_path / "run")).read_metrics()
    assert {row.metric for row in found.rows} == {"mae", "loss", "training_loss"}
    assert {one.name for one in found.conditions} == {
        "plain training",
        "checked examples added",
        "checked examples alone",
        "the commentary's weights",
        "the sources it trusts",
    }
    # A student begins near the mean of the numbers, not at zero.
    assert all(1e3 < row.mean < 2e4 for row in found.rows if row.metric == "mae")
    assert f"Gain of {found.best.name} (in mae)" in capsys.readouterr().out
    other = tmp_path / "other"
    assert run("learn", f"--run_dir={other}", *flags, "--label_noise=0.1") == 1
    assert "are for classes" in capsys.readouterr().err
    flags[1] = "--commentary=soft_labels"
    assert run("learn", f"--run_dir={other}", *flags) == 1
    assert "is for classes, but the labels" in capsys.readouterr().err
    assert not other.exists()


HOLD = """
import sys, time
from tfcommentaries.cli.run_folder import RunFolder
with RunFolder(sys.argv[1]).alone():
    print("locked", flush=True)
    time.sleep(60)
"""


def test_two_do_not_learn_in_one_folder(tmp_path, capsys):
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "locked\n"
        assert run("learn", f"--run_dir={tmp_path}", *FEW) == 1
        assert "Another process is learning in" in capsys.readouterr().err
    finally:
        other.kill()
        other.wait()


def test_what_failed_before_learning_does_not_bind(tmp_path, capsys):
    flags = ["--train_size=64", "--outer_steps=3", "--inner_steps=3", "--student=mlp"]
    run_dir = f"--run_dir={tmp_path}"
    assert run("learn", run_dir, *flags, "--steps_per_epoch=2") == 1
    assert "must divide --outer_steps=3" in capsys.readouterr().err
    assert run("learn", run_dir, *flags, "--learning_rate=1e30") == 1
    assert "not finite" in capsys.readouterr().err
    assert run("learn", run_dir, *flags) == 0
    assert "outer step 3 of 3" in capsys.readouterr().out
    # Pictures that are missing are drawn again.
    pictures = sorted(p.name for p in (tmp_path / "pictures").iterdir())
    for name in pictures:
        (tmp_path / "pictures" / name).unlink()
    assert run("learn", run_dir, *flags) == 0
    assert sorted(p.name for p in (tmp_path / "pictures").iterdir()) == pictures


def test_kinds_that_do_not_suit_are_refused(tables, tmp_path, capsys):
    folder, _ = tables
    flags = [f"--run_dir={tmp_path / 'run'}", f"--dataset={folder}/train.csv"]
    flags += ["--checked_column=checked"]
    for more, message in (
        (["--commentary=group_weighting"], "needs --group_column"),
        (
            ["--commentary=attention_mask", "--group_column=annotator"],
            "no other kind takes them",
        ),
        (["--commentary=attention_mask"], "is for images"),
        (["--commentary=label_blending", "--no-curriculum"], "--curriculum is for"),
    ):
        assert run("learn", *flags, *more) == 1
        assert message in capsys.readouterr().err


def test_a_saved_model_is_the_student(tables, tmp_path, capsys):
    folder, _ = tables
    normalization = keras.layers.Normalization()
    normalization.adapt(np.random.default_rng(0).uniform(0, 255, (50, 64)))
    last = keras.layers.Dense(10, activation="softmax", name="mine")
    keras.Sequential([keras.Input((64,)), normalization, last]).save(
        tmp_path / "mine.keras"
    )
    keras.Sequential([keras.Input((64,)), keras.layers.Dense(2)]).save(
        tmp_path / "two.keras"
    )
    flags = [f"--dataset={folder}/train.csv", f"--run_dir={tmp_path / 'run'}", *FEW]
    flags += ["--checked_column=checked", "--group_column=annotator"]
    (tmp_path / "broken.keras").write_bytes(b"nothing")
    for name, message in (
        ("none.keras", "there is no such file"),
        (
            "two.keras",
            "outputs of shape (None, 2), batch first; the data have inputs of",
        ),
        ("broken.keras", "cannot be loaded"),
    ):
        assert run("learn", *flags, f"--student={tmp_path / name}") == 1
        assert message in capsys.readouterr().err
    assert run("learn", *flags, f"--student={tmp_path / 'mine.keras'}") == 0
    model = tmp_path / "taught.keras"
    assert run("teach", f"--run_dir={tmp_path / 'run'}", f"--model={model}") == 0
    taught = keras.models.load_model(model)
    assert taught.input_shape == (None, 64) and taught.layers[-1].name == "mine"
    np.testing.assert_array_equal(taught.layers[0].mean, normalization.mean)
    assert not taught.loss.from_logits
