"""Outputs are either the old ones or the new ones."""

import os
import pathlib
import socket
import time

import pytest

from tfcommentaries import ExampleWeighting, insights
from tfcommentaries.saving.removing import ABANDONED, remove_tree
from tfcommentaries.saving.replacing import (
    replacing_directory,
    replacing_file,
    write_text,
)


def test_replaces_a_whole_directory(tmp_path):
    path = tmp_path / "it"
    for name in ("a", "b"):
        with replacing_directory(path, lambda _: True) as directory:
            write_text(f"{directory}/{name}", name)
    assert [p.name for p in path.iterdir()] == ["b"]
    assert [p.name for p in tmp_path.iterdir()] == ["it"]


def test_an_error_leaves_the_old_one(tmp_path):
    path = tmp_path / "it"
    path.mkdir()
    (path / "old").touch()
    replacing = replacing_directory(path, lambda _: True)
    with pytest.raises(RuntimeError), replacing as directory:
        write_text(f"{directory}/new", "half")
        raise RuntimeError
    assert [p.name for p in path.iterdir()] == ["old"]
    assert [p.name for p in tmp_path.iterdir()] == ["it"]


def test_what_killed_writers_left_goes_after_a_day(tmp_path):
    long_ago = time.time() - 2 * ABANDONED
    for name, age in (
        ("it.0123abcd.new", long_ago),
        ("it.4567abcd.new", time.time()),  # Someone may be at it.
        ("it.89ababcd.old", long_ago),  # The only copy, perhaps.
        ("other.0123abcd.new", long_ago),
        ("it.thesis.new", long_ago),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
        os.utime(tmp_path / name, (age, age))
    before = {p.name for p in tmp_path.iterdir()}
    with replacing_directory(tmp_path / "it"):
        pass
    after = {p.name for p in tmp_path.iterdir()}
    assert before - after == {"it.0123abcd.new"} and after - before == {"it"}


def test_what_is_not_ours_stays(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    with replacing_directory(project) as directory:  # It is empty.
        write_text(f"{directory}/thesis.tex", "years of work")
    for path, message in (
        (project, r"holds something else .*thesis.tex"),
        (project / "thesis.tex", "is a file"),
    ):
        refused = pytest.raises(FileExistsError, match=message)
        with refused, replacing_directory(path):
            raise AssertionError
    assert (project / "thesis.tex").read_text() == "years of work"
    assert [p.name for p in tmp_path.iterdir()] == ["project"]


def test_links_are_not_followed(tmp_path):
    precious = tmp_path / "elsewhere" / "precious"
    precious.parent.mkdir()
    precious.write_text("kept")
    link = tmp_path / "link"
    link.symlink_to(precious.parent)
    with replacing_directory(link, lambda path: True) as directory:
        write_text(f"{directory}/new", "text")
    assert not link.is_symlink() and (link / "new").read_text() == "text"
    inside = tmp_path / "tree"
    inside.mkdir()
    (inside / "link").symlink_to(precious.parent)
    remove_tree(inside)
    assert not inside.exists() and precious.read_text() == "kept"


def test_replaces_a_file(tmp_path):
    for text in ("one", "two"):
        write_text(tmp_path / "file", text)
    assert (tmp_path / "file").read_text() == "two"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.fixture
def nothing_regular(tmp_path):
    """Paths at which no file may be written, by name."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "socket"))
    for target in ("pipe", "folder", "socket", "nowhere", "/dev/null"):
        (tmp_path / f"link to {target.strip('/').replace('/', ' ')}").symlink_to(target)
    yield [*tmp_path.iterdir(), pathlib.Path("/dev/null")]
    listening.close()


def test_nothing_is_written_over_what_is_no_regular_file(nothing_regular):
    def state():
        return [(p, os.lstat(p).st_ino, os.lstat(p).st_mode) for p in nothing_regular]

    before = state()
    for path in nothing_regular:
        with pytest.raises(FileExistsError, match="over which no file is written"):
            write_text(path, "text")
        with pytest.raises(FileExistsError, match="over which no file is written"):
            insights.write_report(path, ExampleWeighting())
        if not path.is_dir():
            with pytest.raises(OSError), replacing_directory(path, lambda _: True):
                pass
    assert state() == before
    assert len(list(nothing_regular[0].parent.iterdir())) == len(nothing_regular) - 1


def test_a_file_is_replaced_only_if_it_is_ours(tmp_path):
    (tmp_path / "thesis.html").write_text("years of work")
    with pytest.raises(FileExistsError, match="was not written by tfcommentaries"):
        insights.write_report(tmp_path / "thesis.html", ExampleWeighting())
    with pytest.raises(FileExistsError, match="was not written by tfcommentaries"):
        write_text(tmp_path / "thesis.html", "text", lambda path: False)
    assert (tmp_path / "thesis.html").read_text() == "years of work"
    for _ in range(2):
        insights.write_report(tmp_path / "it.html", ExampleWeighting())
    assert {p.name for p in tmp_path.iterdir()} == {"it.html", "thesis.html"}


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), replacing_file(tmp_path / "it") as written:
        pathlib.Path(written).write_text("half")
        raise RuntimeError
    assert not list(tmp_path.iterdir())
