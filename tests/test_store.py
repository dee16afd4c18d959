"""Commentaries that are kept with their data set."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tfcommentaries import ExampleWeighting, store
from tfcommentaries.cli import main

ROOT = pathlib.Path(__file__).parents[1]


def make_dataset(data_dir, digits, size=30, version="1.0.0"):
    """Digits as a TFDS data set."""
    images = np.round(255 * digits.train.x[:size]).astype("uint8")
    data = {"image": images, "label": digits.train.y[:size]}
    tfds.dataset_builders.store_as_tfds_dataset(
        "little",
        version,
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(8, 8, 1)),
                "label": tfds.features.ClassLabel(num_classes=10),
            }
        ),
        split_datasets={"train": tf.data.Dataset.from_tensor_slices(data)},
        data_dir=str(data_dir),
    )
    return str(data_dir)


@pytest.fixture
def little(tmp_path, digits):
    return make_dataset(tmp_path / "data", digits)


def sign_again(version):
    """What someone who may write but has no key does after changing a file."""
    file = version / "card.json"
    card = {**json.loads(file.read_text()), "files": store._checksums(str(version))}
    file.write_text(json.dumps({**card, "checksum": store._seal(card, b"")}))


def make_weighting(digits, value=0.0):
    weighting = ExampleWeighting()
    weighting.teach(digits.train.x[:2], None, None, 0.0)
    kernel = weighting.teacher.layers[-1].kernel
    kernel.assign(np.full(kernel.shape, value))
    return weighting


def test_saves_lists_and_loads(little, digits):
    weighting = make_weighting(digits, 0.1)
    card = {"description": "which digits to trust", "licence": "CC0"}
    assert store.save(weighting, "little", "weighting", little, card) == 1
    assert store.save(make_weighting(digits), "little:1.*.*", "weighting", little) == 2
    cards = store.list("little", little)
    assert [(c["name"], c["version"]) for c in cards] == [
        ("weighting", 1),
        ("weighting", 2),
    ]
    assert cards[0]["licence"] == "CC0" and cards[0]["dataset"] == "little/1.0.0"
    x = digits.test.x[:5]
    first = store.load("little", "weighting", 1, little)
    expected = weighting(x)
    np.testing.assert_allclose(first.commentary(x), expected, rtol=1e-5)
    newest = store.load("little", "weighting", data_dir=little).commentary
    np.testing.assert_allclose(newest(x), np.full(5, 0.5), rtol=1e-5)
    # TFDS does not mistake the folder for a version.
    assert tfds.builder("little", data_dir=little).info.splits["train"].num_examples


def test_an_exported_one_is_copied(little, digits, tmp_path):
    from tfcommentaries import export_commentary

    export_commentary(make_weighting(digits), tmp_path / "it", {"inner_steps": 7})
    store.save(tmp_path / "it", "little", "copied", little)
    found = store.load("little", "copied", data_dir=little)
    assert found.commentary.learned_steps == 7
    store.save(found.commentary, "little", "again", little)
    assert store.load("little", "again", data_dir=little).commentary.learned_steps == 7


def test_annotations_are_joined_by_id(little, digits):
    config = tfds.ReadConfig(add_tfds_id=True)
    builder = tfds.builder("little", data_dir=little)
    examples = builder.as_dataset(split="train", read_config=config)
    ids = [e["tfds_id"] for e in examples.as_numpy_iterator()]
    values = np.arange(30, dtype="float32")[:, None]
    weighting = make_weighting(digits)
    annotations = ids[:20], values[:20]
    store.save(weighting, "little", "w", little, annotations=annotations)
    stored = store.load("little", "w", data_dir=little)
    joined = stored.join(examples.take(20))
    found = [e["annotation"] for e in joined.as_numpy_iterator()]
    np.testing.assert_array_equal(found, values[:20])
    with pytest.raises(tf.errors.InvalidArgumentError, match="No annotation is stored"):
        list(stored.join(examples))
    filled = [e["annotation"][0] for e in stored.join(examples, default=-1)]
    np.testing.assert_array_equal(filled, [*range(20), *[-1] * 10])
    store.save(weighting, "little", "none", little)
    with pytest.raises(ValueError, match="saved without annotations"):
        store.load("little", "none", data_dir=little).join(examples)
    with pytest.raises(ValueError, match="no id twice"):
        store.save(weighting, "little", "w", little, annotations=([b"a", b"a"], [1, 2]))
    # What failed left nothing.
    assert len(store.list("little", little)) == 2


def test_another_data_set_is_refused(little, digits, tmp_path):
    store.save(make_weighting(digits), "little", "w", little)
    make_dataset(little, digits, size=20, version="2.0.0")
    with pytest.raises(ValueError, match="saved with little/1.0.0.*has other data"):
        store.load("little:2.0.0", "w", data_dir=little)
    assert store.load("little:1.0.0", "w", data_dir=little)


def test_a_tampered_file_is_refused(little, digits):
    store.save(make_weighting(digits), "little", "w", little)
    (manifest,) = pathlib.Path(little).rglob("commentaries/w/1/**/commentary.json")
    manifest.write_text(manifest.read_text().replace("example_w", "example-w"))
    with pytest.raises(ValueError, match="not as it was saved.*commentary.json"):
        store.load("little", "w", data_dir=little)


def test_a_key_tells_who_saved_it(little, digits):
    key, other = b"k" * 32, b"o" * 32
    store.save(make_weighting(digits), "little", "weighting", little, key=key)
    store.load("little", "weighting", data_dir=little)
    store.load("little", "weighting", data_dir=little, key=key)
    with pytest.raises(ValueError, match="is not signed with this key"):
        store.load("little", "weighting", data_dir=little, key=other)
    version = pathlib.Path(little) / "little" / "commentaries" / "weighting" / "1"
    card = version / "card.json"
    card.write_text(card.read_text().replace("example_weighting", "another"))
    sign_again(version)
    store.load("little", "weighting", data_dir=little)
    with pytest.raises(ValueError, match="is not signed with this key"):
        store.load("little", "weighting", data_dir=little, key=key)
    store.save(make_weighting(digits), "little", "unsigned", little)
    with pytest.raises(ValueError, match="is not signed with this key. Do not load it"):
        store.load("little", "unsigned", data_dir=little, key=key)
    with pytest.raises(ValueError, match="at least 16 bytes"):
        store.save(make_weighting(digits), "little", "short", little, key=b"secret")


def test_what_is_not_there_is_named(little, digits, tmp_path):
    with pytest.raises(FileNotFoundError, match="no commentary 'w' stored"):
        store.load("little", "w", data_dir=little)
    with pytest.raises(FileNotFoundError, match="finds no data set 'litle'"):
        store.list("litle", little)
    with pytest.raises(FileNotFoundError, match="no SavedModel"):
        store.save(tmp_path / "nothing", "little", "w", little)
    with pytest.raises(ValueError, match="at most 100 letters"):
        store.save(make_weighting(digits), "little", "../w", little)


def test_removes_one_version_or_all(little, digits):
    for _ in range(3):
        store.save(make_weighting(digits), "little", "w", little)
    store.remove("little", "w", 2, little)
    assert [c["version"] for c in store.list("little", little)] == [1, 3]
    store.remove("little", "w", data_dir=little)
    assert store.list("little", little) == []


def test_what_is_broken_does_not_hide_the_rest(little, digits, caplog):
    for name in ("good", "broken"):
        store.save(make_weighting(digits), "little", name, little)
    (root,) = pathlib.Path(little).rglob("commentaries")
    (root / "broken" / "1" / "card.json").write_text("{")
    (root / "README").write_text("by hand")
    for name in ("007", "²", "tmp"):
        (root / "good" / name).mkdir()
    assert [c["name"] for c in store.list("little", little)] == ["good"]
    with pytest.raises(ValueError, match="at most 100 letters"):
        store.save(make_weighting(digits), "little", 300 * "a", little)


def test_removing_follows_no_links(little, digits, tmp_path):
    store.save(make_weighting(digits), "little", "w", little)
    (folder,) = pathlib.Path(little).rglob("commentaries/w")
    (folder / "1").rename(tmp_path / "moved")
    (folder / "1").symlink_to(tmp_path / "moved")
    store.remove("little", "w", 1, little)
    assert store.list("little", little) == []
    assert (tmp_path / "moved" / "card.json").exists()


SAVE = """
import sys
from tfcommentaries import store
for _ in range(int(sys.argv[3])):
    store.save(sys.argv[1], "little", "w", sys.argv[2])
"""


def start(source, data_dir, count):
    return subprocess.Popen(
        [sys.executable, "-c", SAVE, str(source), data_dir, str(count)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )


def test_two_writers_lose_nothing(little, digits, tmp_path):
    from tfcommentaries import export_commentary

    export_commentary(make_weighting(digits), tmp_path / "it")
    writers = [start(tmp_path / "it", little, 6) for _ in range(2)]
    assert [writer.wait(timeout=200) for writer in writers] == [0, 0]
    assert [c["version"] for c in store.list("little", little)] == list(range(1, 13))


def test_command_line(little, digits, tmp_path, capsys):
    from tfcommentaries import export_commentary

    export_commentary(make_weighting(digits), tmp_path / "it")
    where = ["little", f"--data_dir={little}"]
    path = str(tmp_path / "it")

    def run(*arguments):
        return main.run(main.parse(["tfcommentaries", "store", *arguments]))

    assert run("add", *where, "--name=w", path, "--description=digits") == 0
    assert run("list", *where) == 0
    assert "w 1  example_weighting  digits" in capsys.readouterr().out
    assert run("show", *where, "--name=w") == 0
    assert '"dataset": "little/1.0.0"' in capsys.readouterr().out
    assert run("remove", *where, "--name=w") == 0
    assert run("list", *where) == 0
    assert "Nothing is stored" in capsys.readouterr().out
    assert run("show", *where, "--name=w") == 1
