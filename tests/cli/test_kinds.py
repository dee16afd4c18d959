"""What `learn --commentary` takes."""

import pytest
from command_line import FEW, run

from tfcommentaries import SavedCommentary
from tfcommentaries.cli.run_folder import RunFolder

#: What is compared where the data have sources, beside what always is.
OF_SOURCES = {
    "the sources it trusts",
    "sources agreeing 50% as often as the best",
    "sources agreeing 80% as often as the best",
    "sources agreeing 80%, nothing checked",
    "the good sources",
}


@pytest.mark.parametrize(
    ("kind", "spoiled", "more"),
    [
        ("attention_mask,label_blending", "--label_noise=0.3", set()),
        ("group_weighting,soft_labels", "--spoiled_sources", OF_SOURCES),
    ],
)
def test_several_kinds(kind, spoiled, more, tmp_path, capsys):
    """From learning to a report, and a student that is taught and kept."""
    run_dir = tmp_path / kind
    few = [*FEW, "--train_size=128", "--validation_size=64", spoiled]
    assert run("learn", f"--run_dir={run_dir}", f"--commentary={kind}", *few) == 0
    assert ("group     examples" in capsys.readouterr().out) == bool(more)
    saved = SavedCommentary(run_dir / "commentary")
    assert saved.kind == "composition"
    pictures = {path.stem for path in (run_dir / "pictures").glob("*.png")}
    assert {name[:2] for name in pictures} == {"1-", "2-", "le"}
    test = ["--steps=4", "--seeds=1"]
    assert run("evaluate", f"--run_dir={run_dir}", *test) == 0
    found = RunFolder(str(run_dir)).read_metrics()
    assert {one.name for one in found.conditions} == {
        "plain training",
        "the commentary's weights" if more else "the commentary",
        "checked examples added",
        "checked examples alone",
        "a filter",
        *more,
    }
    assert all(0 <= row.mean <= 1 for row in found.rows if row.metric == "accuracy")
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.count(found.verdict().text) == 1
    assert run("report", run_dir) == 0
    assert "Test accuracy" in (run_dir / "report.html").read_text()
    model = tmp_path / f"{kind}.keras"
    assert run("teach", f"--run_dir={run_dir}", f"--model={model}", "--epochs=1") == 0
    assert model.exists() and "accuracy" in capsys.readouterr().out


@pytest.mark.parametrize("kinds", ["mask", "soft_labels,soft_labels", "soft_labels,"])
def test_kinds_that_are_none_are_refused_by_name(kinds, tmp_path, capsys):
    assert run("learn", f"--run_dir={tmp_path}/run", f"--commentary={kinds}") == 1
    assert "must be one of attention_mask, " in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("kind", "config"),
    [("auxiliary_targets", '{"num_targets": 5}'), ("loss_weighting", "{}")],
)
def test_kinds_that_need_more_than_a_flag(kind, config, tmp_path, capsys):
    flags = [f"--commentary={kind}", f"--commentary_config={config}", *FEW]
    assert run("learn", f"--run_dir={tmp_path}", *flags, "--train_size=128") == 0
    assert run("evaluate", f"--run_dir={tmp_path}", "--steps=4", "--seeds=2") == 0
    found = RunFolder(str(tmp_path)).read_metrics()
    # Not by the loss, of which a second task has a part.
    assert found.metric == "accuracy" and 0 <= found.score(found.best).mean <= 1
    assert run("report", tmp_path) == 0
    model = tmp_path / "it.keras"
    assert run("teach", f"--run_dir={tmp_path}", f"--model={model}", "--epochs=1") == 0
    assert "accuracy" in capsys.readouterr().out.rsplit("test: ")[1]
