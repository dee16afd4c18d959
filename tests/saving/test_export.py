"""Exported commentaries: what they give, and who can use them."""

import json
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries import (
    Commentary,
    CommentaryCallback,
    ExampleWeighting,
    SavedCommentary,
    export_commentary,
    teachers,
)
from tfcommentaries.saving import read_manifest


def random_weights(commentary):
    generator = np.random.default_rng(0)
    for variable in commentary.trainable_variables:
        variable.assign(generator.normal(size=variable.shape))
    return commentary


@pytest.fixture
def weighting(vectors):
    x, y = vectors
    weighting = ExampleWeighting(num_classes=3, curriculum=True)
    weighting(x, y=y, progress=0.0)
    return random_weights(weighting)


@pytest.fixture
def exported(weighting, tmp_path):
    path = tmp_path / "commentary"
    export_commentary(weighting, path, {"inner_steps": 40}, {"loss": np.float32(0.5)})
    return path


def test_gives_the_same_annotation_and_teaches_the_same(weighting, exported, vectors):
    x, y = vectors
    loaded = SavedCommentary(exported)
    for progress in (0.0, 0.7, np.linspace(0, 1, 12)):
        np.testing.assert_allclose(
            loaded(x, y=y, progress=progress),
            weighting(x, y=y, progress=progress),
            rtol=1e-6,
        )
    given = np.arange(12.0)
    found, expected = (c.teach(x, y, given, 0.3)[2] for c in (loaded, weighting))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert loaded.learned_steps == 40


def test_the_manifest_tells_what_it_is(exported):
    manifest = json.loads((exported / "assets" / "commentary.json").read_text())
    assert manifest["kind"] == "example_weighting"
    assert manifest["inputs"] == {
        "x": {"shape": [None, 5], "dtype": "float32"},
        "y": {"shape": [None], "dtype": "int64"},
        "progress": {"shape": [None], "dtype": "float32"},
    }
    assert manifest["learned"] == {"inner_steps": 40}
    assert manifest["metrics"] == {"loss": 0.5}
    assert manifest["versions"]["keras"] == keras.__version__


SERVE = """
    import sys
    sys.modules["tfcommentaries"] = None  # So that importing it fails.
    sys.modules["keras"] = None
    import numpy as np, tensorflow as tf
    path, data = sys.argv[1:]
    data = np.load(data)
    loaded = tf.saved_model.load(path)
    for name in ("serving_default", "annotate"):
        for size in (0, 1, 7):
            found = loaded.signatures[name](
                x=tf.constant(data["x"][:size]),
                y=tf.constant(data["y"][:size]),
                progress=tf.fill([size], 0.5))["annotation"]
            np.testing.assert_allclose(found, data["expected"][:size], rtol=1e-5)
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], path)
        signature = meta.signature_def["serving_default"]
        feed = {signature.inputs["x"].name: data["x"],
                signature.inputs["y"].name: data["y"],
                signature.inputs["progress"].name: np.full(12, 0.5)}
        found = session.run(signature.outputs["annotation"].name, feed)
        np.testing.assert_allclose(found, data["expected"], rtol=1e-5)
    print("served")
"""


def test_serves_where_this_package_is_not_installed(
    weighting, exported, vectors, tmp_path
):
    x, y = vectors
    expected = weighting(x, y=y, progress=0.5)
    np.savez(tmp_path / "data.npz", x=x, y=y, expected=expected)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(SERVE),
            exported,
            tmp_path / "data.npz",
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.stdout.endswith("served\n"), done.stderr


def test_a_table_and_a_dict_of_inputs(tmp_path, vectors):
    weighting = ExampleWeighting(teachers.Table(12), teacher_key="id", student_key="x")
    inputs = {"id": np.arange(12), "x": vectors[0]}
    weighting(inputs)
    random_weights(weighting)
    export_commentary(weighting, tmp_path / "it")
    loaded = SavedCommentary(tmp_path / "it")
    np.testing.assert_allclose(loaded(inputs), weighting(inputs), rtol=1e-6)
    taught, _, _ = loaded.teach(inputs, vectors[1])
    np.testing.assert_array_equal(taught, vectors[0])


def test_a_teacher_whose_code_is_gone_still_teaches(tmp_path, vectors):
    class Local(keras.layers.Layer):
        def call(self, x):
            return tf.reduce_sum(x, -1)

    weighting = ExampleWeighting(Local())
    expected = weighting(vectors[0])
    export_commentary(weighting, tmp_path / "it")
    np.testing.assert_allclose(
        SavedCommentary(tmp_path / "it")(vectors[0]), expected, rtol=1e-6
    )


def test_images_in_another_number_type_are_cast(exported, weighting, vectors):
    x, y = vectors
    found = SavedCommentary(exported)(x.astype("float64"), y=y[:, None], progress=0.5)
    np.testing.assert_allclose(found, weighting(x, y=y, progress=0.5), rtol=1e-5)


def test_exporting_again_replaces_and_failing_leaves_the_old(
    exported, vectors, weighting
):
    old = read_manifest(exported)
    with pytest.raises(TypeError, match="JSON cannot hold a set"):
        export_commentary(weighting, exported, {"bad": {1}})
    assert read_manifest(exported) == old
    export_commentary(weighting, exported, {"inner_steps": 3})
    assert read_manifest(exported)["learned"] == {"inner_steps": 3}
    assert [p.name for p in exported.parent.iterdir()] == ["commentary"]


def test_wrong_inputs_are_named(exported, vectors):
    x, y = vectors
    loaded = SavedCommentary(exported)
    with pytest.raises(ValueError, match=r"learned on 'x' of shape \(None, 5\).*4\)"):
        loaded(x[:, :4], y=y, progress=0.0)
    with pytest.raises(ValueError, match=r"sees the label. Pass `y`"):
        loaded(x, progress=0.0)
    with pytest.raises(ValueError, match=r"is a curriculum. Pass `progress`"):
        loaded(x, y=y)
    with pytest.raises(ValueError, match=r"needs the input 'x'.*'image'"):
        SavedCommentary(exported)({"image": x}, y=y, progress=0.0)


@pytest.mark.parametrize(
    "progress", [[0.5], [-0.1, 0.5], [0.5, 1.1], [np.nan, 0.5], [0.1, 0.2, 0.3]]
)
def test_a_request_with_wrong_progress_is_refused(exported, vectors, progress):
    x, y = (tf.constant(part[:2]) for part in vectors)
    signature = tf.saved_model.load(exported).signatures["annotate"]
    x, y = tf.cast(x, tf.float32), tf.cast(y, tf.int64)
    signature(x=x, y=y, progress=tf.constant([0.0, 1.0]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="one number from 0 to 1"):
        signature(x=x, y=y, progress=tf.constant(progress))


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no SavedModel at .*nothing"):
        CommentaryCallback(tmp_path / "nothing")


def test_a_saved_model_that_is_no_commentary_is_named(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with pytest.raises(ValueError, match=r"is not a commentary: it has no assets"):
        SavedCommentary(tmp_path / "other")


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "cannot be read"), ('{"format": 99}', "has format 99.*Install the newest")],
)
def test_a_manifest_that_cannot_be_used_is_named(exported, text, message):
    (exported / "assets" / "commentary.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        SavedCommentary(exported)


def test_a_kind_that_is_not_known_is_named(exported):
    file = exported / "assets" / "commentary.json"
    manifest = {**json.loads(file.read_text()), "class_name": "mine>Unknown"}
    file.write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"class mine>Unknown, which is not known"):
        SavedCommentary(exported)


def test_only_a_commentary_is_replaced(exported, tmp_path, vectors):
    weighting = ExampleWeighting(num_classes=3)
    weighting(vectors[0], y=vectors[1])
    export_commentary(weighting, exported)
    (exported / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"something else .*notes.txt"):
        export_commentary(weighting, exported)
    assert (exported / "notes.txt").read_text() == "mine"
    other = tmp_path / "model"
    tf.saved_model.save(tf.Module(), str(other))
    with pytest.raises(FileExistsError, match="saved_model.pb"):
        export_commentary(weighting, other)
    tf.saved_model.load(str(other))


LAMBDA = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {"function": "print"},
    "registered_name": None,
}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"teacher": LAMBDA}, "names an object of Keras"),
        ({"dtype": LAMBDA}, "dtype must be one of"),
        ({"normalize": [{"a": LAMBDA}]}, "names an object of Keras"),
        ({"unknown": 1}, "does not fit"),
    ],
)
def test_a_manifest_cannot_name_code(exported, change, message, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("Keras deserialised what a file says")

    monkeypatch.setattr(keras.saving, "deserialize_keras_object", refuse)
    monkeypatch.setattr(
        "keras.src.saving.serialization_lib.deserialize_keras_object", refuse
    )
    SavedCommentary(exported)
    file = exported / "assets" / "commentary.json"
    manifest = json.loads(file.read_text())
    manifest["teaching_config"].update(change)
    file.write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=message):
        SavedCommentary(exported)


def test_a_class_that_is_no_commentary_is_refused(exported):
    @keras.saving.register_keras_serializable(package="mine")
    def run_me(**config):
        raise AssertionError

    file = exported / "assets" / "commentary.json"
    manifest = {**json.loads(file.read_text()), "class_name": "mine>run_me"}
    file.write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="is not known here"):
        SavedCommentary(exported)


def test_a_commentary_that_was_never_called_is_named(tmp_path):
    with pytest.raises(ValueError, match="does not know its inputs yet"):
        export_commentary(ExampleWeighting(), tmp_path / "it")


def test_inputs_with_a_reserved_name_are_refused(tmp_path):
    weighting = ExampleWeighting(teachers.Table(2), teacher_key="y", student_key="x")
    weighting({"y": np.arange(2), "x": np.zeros((2, 3), "float32")})
    with pytest.raises(ValueError, match=r"entries named \['y'\]"):
        export_commentary(weighting, tmp_path / "it")


def test_a_commentary_class_of_the_users_own(tmp_path, vectors):
    @keras.saving.register_keras_serializable(package="mine")
    class Doubling(Commentary):
        kind = "doubling"

        def call(self, x, y=None, progress=None):
            return 2 * x

        def apply(self, annotation, x, y, sample_weight=None):
            return annotation, y, sample_weight

    commentary = Doubling()
    commentary(vectors[0])
    export_commentary(commentary, tmp_path / "it")
    loaded = SavedCommentary(tmp_path / "it")
    assert loaded.kind == "doubling"
    np.testing.assert_array_equal(loaded.teach(*vectors)[0], 2 * vectors[0])
