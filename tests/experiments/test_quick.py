"""Every experiment runs, in its quick form, and says what it should."""

import json
import pathlib

import forks
import numpy as np
import pytest

from experiments.sources import picture, votes

ROOT = pathlib.Path(__file__).parents[2]
EXPERIMENTS = {p.parent.name for p in ROOT.glob("experiments/*/run.py")}
#: Conditions that a table must have besides what was learned.
BASELINES = "plain", "baseline: all noisy", "none", "MAML"


def run(name, folder, *flags):
    module = f"experiments.{name}.run"
    forks.finish(forks.run_module, module, "--quick", f"--run_dir={folder}", *flags)
    return json.loads((folder / "quick" / "results.json").read_text())


def test_spurious_backgrounds_runs(tmp_path, data_dir):
    check(run("spurious_backgrounds", tmp_path, f"--data_dir={data_dir}"))


def test_human_mistakes_runs(tmp_path, data_dir):
    if not (pathlib.Path(data_dir) / "cifar10_n").exists():
        pytest.skip("TFCOMMENTARIES_DATA_DIR has no cifar10_n")
    check(run("human_mistakes", tmp_path, f"--data_dir={data_dir}"))


#: Those that need data, and those that other tests run.
OTHERS = {"hyper_cleaning", "human_mistakes", "rotated_digits", "spurious_backgrounds"}


@pytest.mark.parametrize("name", sorted(EXPERIMENTS - OTHERS))
def test_runs_on_bundled_data(name, tmp_path):
    check(run(name, tmp_path))


def test_sources_with_a_kept_solution_run(tmp_path):
    rows = run("sources", tmp_path, "--group=text, 60 checked, warm")
    found = {row["condition"].split(": ")[1] for row in rows}
    assert {"the model of one fit, warm, step 10", "the model of one fit"} < found
    assert all(np.isfinite(row["mean"]) and row["mean"] >= 0 for row in rows)


def test_blending_with_one_proportion_runs(tmp_path):
    check(run("blending", tmp_path, "--part=alike"))


def test_what_a_process_did_is_not_done_again(tmp_path):
    rows = run("hyper_cleaning", tmp_path, "--jobs=2")
    check(rows)
    (record,) = tmp_path.rglob("record.json")
    time = record.stat().st_mtime
    assert run("hyper_cleaning", tmp_path) == rows
    assert record.stat().st_mtime == time


def test_a_group_alone_keeps_what_is_known_of_others(tmp_path):
    rows = run("rotated_digits", tmp_path)
    check(rows)
    other = dict(rows[0], condition="another: plain")
    results = tmp_path / "quick" / "results.json"
    results.write_text(json.dumps([other, *rows]))
    group = rows[0]["condition"].split(": ")[0]
    assert run("rotated_digits", tmp_path, f"--group={group}") == [other, *rows]
    with pytest.raises(RuntimeError):
        run("rotated_digits", tmp_path, "--group=none")


def check(rows):
    for row in rows:
        assert set(row) == {"condition", "metric", "mean", "std", "seeds", "values"}
        assert row["seeds"] == 1 and np.isfinite(row["mean"])
        assert row["values"] == [row["mean"]]
    conditions = {row["condition"].split(": ", 1)[1] for row in rows}
    assert conditions.intersection(BASELINES)
    assert len(conditions) > 2
    assert all(
        0 <= row["mean"] <= 1 for row in rows if row["metric"].startswith("accuracy")
    )
    check_losses(rows)


def check_losses(rows):
    """Every student that was looked at twice has a lower loss later."""
    losses = {}
    for row in rows:
        if "mean training loss" in row["metric"]:
            losses.setdefault(row["condition"], []).append(row["mean"])
    losses = {key: values for key, values in losses.items() if len(values) > 1}
    assert len(losses) > 2
    for condition, (first, *_, last) in losses.items():
        assert last < first, condition


def test_the_picture_of_the_first_page_shows_the_results():
    figure = picture.draw()
    (axes,) = figure.axes
    shown = {text.get_text() for text in axes.texts}
    mean, _ = picture.accuracies()["sources trusted, started"]
    assert f"{mean:.2f}" in shown and len(shown) > len(picture.SHOWN)


def test_dawid_skene_finds_right_labels_and_good_sources():
    generator = np.random.default_rng(0)
    right = generator.integers(0, 4, 600)
    others = generator.integers(0, 4, (600, 3))
    said = np.column_stack([right, right, others, (right + 1) % 4])
    # Each example is labelled by three of six sources, two of which are good.
    said[generator.random(said.shape).argsort(1) >= 3] = -1
    labels, rates = votes.dawid_skene(said, 4)
    assert (votes.by_majority(said) == right).mean() < 0.7
    assert (labels == right).mean() > 0.9
    assert rates[:2].min() > 0.9 > 0.5 > rates[2:].max()
