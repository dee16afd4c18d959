"""Killed at random moments, nothing that was whole is lost, and learning goes on."""

import pathlib

import chaos
import forks
import numpy as np
import tensorflow as tf
from test_store import make_dataset

from tfcommentaries import SavedCommentary, store
from tfcommentaries.saving.replacing import replacing_directory, write_text


def test_learning_ends_with_the_same_bits(tmp_path):
    generator = np.random.default_rng(0)
    whole, victim = tmp_path / "whole", tmp_path / "killed"
    forks.finish(chaos.learn, str(whole))
    checkpoint = victim / "checkpoint" / "checkpoint"
    for longest, after in (
        (3.0, victim.exists),
        (0.0, checkpoint.exists),
        *2 * [(0.3, lambda: "resuming" in (tmp_path / "killed.log").read_text())],
    ):
        assert chaos.killed(generator, longest, chaos.learn, str(victim), after=after)
        (tmp_path / "killed.log").write_text("")
    forks.finish(chaos.learn, str(victim))
    assert "resuming after outer step" in (tmp_path / "killed.log").read_text()
    found, expected = (
        tf.saved_model.load(str(run / "commentary")) for run in (victim, whole)
    )
    for one, other in zip(
        found.trainable_variables, expected.trainable_variables, strict=True
    ):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    history = (victim / "history.csv").read_text()
    assert history == (whole / "history.csv").read_text()

    report = victim / "report.html"
    for _ in range(3):
        assert chaos.killed(generator, 3.0, chaos.report, str(victim))
        assert not report.exists() or report.read_text().rstrip().endswith("</html>")


def test_an_export_over_another_is_one_of_the_two(tmp_path):
    generator = np.random.default_rng(1)
    path = tmp_path / "models" / "weighting"
    found = []
    while len(found) < 5:
        assert chaos.killed(generator, 2.5, chaos.export, str(path))
        if not path.exists():
            assert not found  # Nothing was there to lose.
            continue
        commentary = SavedCommentary(path)
        (weight,) = commentary(np.zeros((1, 3), "float32")).numpy()
        assert weight == commentary.manifest["metrics"]["weight"]
        found.append(weight)
    # What killed writers left is hidden beside it, until the next day's writer.
    assert {p.name.split(".")[0] for p in path.parent.iterdir()} == {"weighting"}


def test_directories_change_places_in_one_step(tmp_path, monkeypatch):
    """No moment without one: what a reader would see before the removal is checked."""
    path = tmp_path / "it"
    seen = []

    def rename(*args, **kwargs):
        seen.append(path.exists())
        return move(*args, **kwargs)

    with replacing_directory(path) as directory:
        write_text(f"{directory}/a", "old")
    move = tf.io.gfile.rename
    monkeypatch.setattr(tf.io.gfile, "rename", rename)
    with replacing_directory(path, lambda _: True) as directory:
        pathlib.Path(directory, "a").write_text("new")
    assert (path / "a").read_text() == "new" and not seen


def test_versions_of_a_store_are_whole(tmp_path, digits):
    generator = np.random.default_rng(2)
    data_dir = make_dataset(tmp_path / "data", digits)
    chaos.killed(generator, 3.0, chaos.export, str(tmp_path / "it"))
    while not (tmp_path / "it").exists():
        chaos.killed(generator, 3.0, chaos.export, str(tmp_path / "it"))
    arguments = str(tmp_path / "it"), data_dir
    for _ in range(4):
        assert chaos.killed(generator, 3.0, chaos.save, *arguments)
        versions = [card["version"] for card in store.list("little", data_dir)]
        assert versions == list(range(1, len(versions) + 1))
        for version in versions[-2:]:
            store.load("little", "w", version, data_dir)
    assert versions
