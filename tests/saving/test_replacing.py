"""Outputs are either the old ones or the new ones."""

import pytest

from tfcommentaries.saving.replacing import replacing_directory, write_text


def test_replaces_a_whole_directory(tmp_path):
    path = tmp_path / "it"
    for name in ("a", "b"):
        with replacing_directory(path) as directory:
            write_text(f"{directory}/{name}", name)
    assert [p.name for p in path.iterdir()] == ["b"]
    assert [p.name for p in tmp_path.iterdir()] == ["it"]


def test_an_error_leaves_the_old_one(tmp_path):
    path = tmp_path / "it"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(RuntimeError), replacing_directory(path) as directory:
        write_text(f"{directory}/new", "half")
        raise RuntimeError
    assert [p.name for p in path.iterdir()] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["it"]


def test_replaces_a_file(tmp_path):
    for text in ("one", "two"):
        write_text(tmp_path / "file", text)
    assert (tmp_path / "file").read_text() == "two"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
