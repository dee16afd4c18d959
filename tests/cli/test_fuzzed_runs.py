"""Whatever a run folder or a command line holds ends in a sentence."""

import json
import pathlib

import pytest
from command_line import run
from fuzzing import JSON, MANY
from hypothesis import given, settings, strategies as st

from tfcommentaries.cli import learn
from tfcommentaries.cli.run_folder import RunFolder
from tfcommentaries.cli.settings import Settings

SETTINGS = {
    "dataset": "train.csv",
    "data_dir": None,
    "train_size": None,
    "validation_size": 100,
    "test_size": None,
    "label_noise": 0.4,
    "student": None,
    "learning_rate": 1e-3,
    "batch_size": 32,
    "seed": 0,
    "checked_column": "checked",
    "test_data": "train.csv",
    "commentary": "example_weighting",
    "steps_per_epoch": 1,
    "files": {"dataset": "0123"},
}
ROW = {
    "condition": "plain training",
    "step": 2,
    "metric": "accuracy",
    "values": [0.4, 0.6],
    "mean": 0.5,
}
METRICS = {
    "conditions": [
        {"name": "plain training", "explanation": "As it is.", "role": "plain"},
        {"name": "the commentary", "explanation": "Taught.", "role": "ours"},
    ],
    "rows": [ROW, {**ROW, "condition": "the commentary"}],
}


@st.composite
def tampered(draw, value):
    """JSON of which a part was replaced, left out or cut off."""

    def change(value):
        if not value or not isinstance(value, dict | list) or draw(st.booleans()):
            return draw(JSON)
        if isinstance(value, list):
            place = draw(st.integers(0, len(value) - 1))
            return [*value[:place], change(value[place]), *value[place + 1 :]]
        key = draw(st.sampled_from(sorted(value)))
        rest = {k: v for k, v in value.items() if k != key}
        return rest if draw(st.booleans()) else {**rest, key: change(value[key])}

    text = json.dumps(change(value))
    return text[: draw(st.just(len(text)) | st.integers(0, len(text)))]


@MANY
@given(data=st.data())
def test_files_of_a_run(tmp_path, data):
    folder = RunFolder(str(tmp_path))
    history = "epoch,loss,hypergradient_norm\n0,1.5,0.1\n1,1.25,0.1\n"
    place = data.draw(st.integers(0, len(history)))
    cut = history[: data.draw(st.integers(0, place))]
    history = cut + data.draw(st.text(max_size=5)) + history[place:]
    history = data.draw(st.just(history) | JSON.map(str))
    pathlib.Path(folder.config).write_text(data.draw(tampered(SETTINGS)))
    pathlib.Path(folder.metrics).write_text(data.draw(tampered(METRICS)))
    pathlib.Path(folder.history).write_bytes(history.encode(errors="replace"))
    for read, file in (
        (folder.read_settings, folder.config),
        (folder.read_metrics, folder.metrics),
        (folder.read_history, folder.history),
    ):
        try:
            found = read()
        except ValueError as error:
            text = str(error)
            assert file in text and "\n" not in text and len(text) < 450, text
            continue
        if file == folder.config:
            assert isinstance(found, Settings) and found.batch_size >= 1
        elif file == folder.metrics:
            assert found.best.role == "ours" and found.with_role("plain")
        else:
            assert len(set(map(len, found.values()))) == 1


def test_a_file_alone_runs_no_function(tmp_path):
    folder = RunFolder(str(tmp_path))
    pathlib.Path(folder.commentary).mkdir()
    pathlib.Path(folder.commentary, "saved_model.pb").touch()
    config = pathlib.Path(folder.config)
    config.write_text(json.dumps({**SETTINGS, "student": "os:system"}))
    with pytest.raises(ValueError, match="names a function .* --student=os:system"):
        folder.read_learned({})
    given = folder.read_learned({"student": "mine:model"})
    assert given.student == "mine:model"
    config.write_text(json.dumps({**SETTINGS, "student": "mlp"}))
    assert folder.read_learned({}).student == "mlp"


VALUES = st.sampled_from(
    ["", "0", "-1", "7", "1.5", "nan", "inf", "1e400", "9" * 30, "٣", "\0", "x" * 3000]
    + ["digits", "it.csv", "./", "gs://a/b", "os:system", ":", "a:b:c", "it.keras"]
    + ["soft_labels", "soft_labels,soft_labels", "attention_mask", ",", "label"]
)
FLAGS = st.sampled_from(
    ["dataset", "label_column", "labels", "group_column", "checked_column"]
    + ["validation_data", "test_data", "image_column", "image_size", "data_dir"]
    + ["train_size", "validation_size", "test_size", "label_noise", "student"]
    + ["learning_rate", "batch_size", "seed", "commentary", "outer_steps"]
    + ["inner_steps", "outer_learning_rate", "steps_per_epoch", "truncate"]
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a table, where nothing is learned."""
    rows = "".join(f"{i},{i % 2},{i % 3},{int(i < 5)}\n" for i in range(20))
    (tmp_path / "it.csv").write_text(f"a,label,site,checked\n{rows}")
    (tmp_path / "it.keras").write_bytes(b"no model")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(learn, "_learn", lambda *args: None)
    monkeypatch.setattr(learn, "_draw", lambda *args: None)
    return tmp_path


@settings(MANY, max_examples=50)
@given(
    st.dictionaries(FLAGS, VALUES, min_size=1, max_size=3),
    st.booleans(),
)
def test_flags(here, capsys, flags, of_a_file):
    if of_a_file:
        flags = {"dataset": "it.csv", "checked_column": "checked", **flags}
    capsys.readouterr()
    try:
        code = run("learn", "--run_dir=run", *(f"--{k}={v}" for k, v in flags.items()))
    except SystemExit as ended:
        assert ended.code == 2
        return
    error = capsys.readouterr().err
    assert code == 0 or (error.startswith("error: ") and error.count("\n") == 1), error
    assert len(error) < 1000
