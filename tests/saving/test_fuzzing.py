"""Whatever a file or a recipe holds, what is wrong is refused in a sentence."""

import json

import pytest
import tensorflow as tf
from fuzzing import JSON, MANY, PLAIN
from hypothesis import given, strategies as st

from tfcommentaries.commentaries.applying import make_applying
from tfcommentaries.learning.learner_checkpoint import LearnerCheckpoint
from tfcommentaries.saving.example_reading import DEFAULTS, RESIZES, ExampleReading
from tfcommentaries.saving.manifest import FILE, inputs_of, read_manifest
from tfcommentaries.store import _read_card, _versions

NAMES = st.sampled_from(["x", "age", "label"])
COLUMN = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from(["float32", "int64", "string", "complex64"]) | JSON,
        "size": st.integers(-2, 3) | JSON,
        "fill_value": PLAIN,
        "vocabulary": st.lists(st.text(max_size=3), max_size=3) | JSON,
        "code": JSON,
    },
)
READING = st.fixed_dictionaries(
    {"features": NAMES | st.lists(NAMES, max_size=2) | JSON},
    optional={
        "label": NAMES | JSON,
        "image_shape": st.lists(st.integers(-1, 9), min_size=2, max_size=3) | JSON,
        "num_classes": st.integers(-1, 3) | JSON,
        "groups": NAMES | JSON,
        "resize": st.sampled_from(RESIZES) | JSON,
        "columns": st.dictionaries(NAMES, COLUMN, max_size=2) | JSON,
    },
)


def corrupted(valid, draw):
    """A valid dict with one entry replaced or lost."""
    key = draw(st.sampled_from(sorted(valid)))
    rest = {k: v for k, v in valid.items() if k != key}
    return draw(st.just(rest) | JSON.map(lambda value: {**rest, key: value}))


@MANY
@given(READING)
def test_readings(config):
    assert set(config) <= set(DEFAULTS)
    try:
        reading = ExampleReading.from_config(config)
    except ValueError as error:
        assert str(error)
        return
    same = ExampleReading.from_config(reading.get_config())
    assert same.get_config() == reading.get_config()
    assert reading.vector_size >= 0
    for name in reading.features:
        reading.column(name).parsing_spec()


MANIFEST = {
    "format": 1,
    "kind": "label_blending",
    "class_name": "tfcommentaries>LabelBlending",
    "teaching_config": {"num_classes": 3, "initial_logit": -1.0},
    "inputs": {"x": {"shape": [None, 2], "dtype": "float32"}},
    "inputs_are_dict": False,
    "uses_labels": True,
    "uses_progress": False,
    "learned": {},
    "metrics": {},
    "table": [],
    "group_table": {},
    "reading": {},
    "prepared_inputs": {},
}


@MANY
@given(st.data())
def test_manifests(tmp_path, data):
    file = tmp_path / FILE
    file.parent.mkdir(exist_ok=True)
    (tmp_path / "saved_model.pb").write_bytes(b"")
    file.write_text(json.dumps(corrupted(MANIFEST, data.draw)))
    try:
        manifest = read_manifest(tmp_path)
    except ValueError as error:
        assert str(tmp_path) in str(error)
        return
    inputs_of(manifest)
    try:
        make_applying(manifest["class_name"], manifest["teaching_config"])
    except ValueError as error:
        assert str(error)


@MANY
@given(st.data())
def test_arguments_of_a_class(data):
    config = data.draw(
        st.dictionaries(
            st.sampled_from(
                ["num_classes", "initial_logit", "dtype", "name", "teacher", "shapes"]
            ),
            JSON,
        )
    )
    try:
        make_applying("tfcommentaries>LabelBlending", config)
    except ValueError as error:
        assert "tfcommentaries>LabelBlending" in str(error) or "Its" in str(error)


@MANY
@given(JSON | st.binary(max_size=20))
def test_cards_and_other_json(tmp_path, content):
    file = tmp_path / "card.json"
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    file.write_bytes(raw)
    with pytest.raises(ValueError, match="card.json"):
        _read_card(str(tmp_path))


@MANY
@given(st.lists(st.text("0123456789²x.", min_size=1, max_size=4), max_size=4))
def test_folders_of_a_store(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("store")
    for name in set(names) - {".", ".."}:
        (folder / name).mkdir(exist_ok=True)
    for version in _versions(str(folder)):
        assert (folder / str(version)).is_dir()


@pytest.mark.parametrize("history", ["", "[]", "{", '{"loss": "x"}', '{"loss": {}}'])
def test_histories_of_checkpoints(tmp_path, history):
    variables = {"weights": [tf.Variable(1.0)]}
    checkpoint = LearnerCheckpoint(str(tmp_path), variables)
    checkpoint._history.assign(history)
    checkpoint.epochs_done.assign(1)
    checkpoint.manager.save(checkpoint_number=1)
    with pytest.raises(ValueError, match=f"history in the checkpoint {tmp_path}"):
        LearnerCheckpoint(str(tmp_path), variables).restore()
