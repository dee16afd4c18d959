"""ONNX Runtime and TensorFlow Lite give what TensorFlow gives."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kinds import BATCH, CLASSES, KINDS, SITES, batch, losses, make, random
from tensorflow.core.protobuf import saved_model_pb2

from tfcommentaries import (
    ExampleWeighting,
    GroupWeighting,
    SavedCommentary,
    export_commentary,
    teachers,
)
from tfcommentaries.saving import read_manifest

#: With a table of ids, which is no class of its own.
X = np.zeros((BATCH, 2), "float32")
NAMES = [*KINDS, "table"]
#: What no example may have.
OUT_OF_RANGE = {
    "y": [-1, CLASSES],
    "progress": [-0.5, 1.5, np.nan],
    "group_index": [-1, 4],
    "id": [-1, BATCH],
}


@pytest.fixture(scope="module", params=NAMES)
def exported(request, tmp_path_factory):
    """Path, signature that takes numbers, a request for it, and the annotation."""
    keras.utils.set_random_seed(0)
    if request.param == "table":
        commentary = ExampleWeighting(
            teachers.Table(BATCH), teacher_key="id", student_key="x"
        )
        x, y = {"id": np.arange(BATCH)}, None
    else:
        # tf2onnx does not convert labels of steps.
        kind = KINDS[request.param]
        elements = not kind.composed and "elements" in kind.needs
        commentary = make(request.param, **{"num_classes": None} if elements else {})
        x, y = batch(commentary)
    if commentary.uses_student_loss:
        x = losses()
    given = {
        "y": y if commentary.uses_labels else None,
        "progress": np.full(BATCH, 0.3, "float32")
        if commentary.uses_progress
        else None,
    }
    commentary(x, **given)
    random(commentary)
    path = tmp_path_factory.mktemp("exported") / request.param
    export_commentary(commentary, path)
    manifest = read_manifest(path)
    key = "prepared_inputs" if "prepared_inputs" in manifest else "inputs"
    signature = "annotate_prepared" if key == "prepared_inputs" else "annotate"
    given.update(x if isinstance(x, dict) else {"x": x})
    feed = {
        name: np.asarray(given[name]).astype(spec["dtype"])
        for name, spec in manifest[key].items()
    }
    return path, signature, feed, commentary(x, **progress_and_labels(given)).numpy()


def progress_and_labels(given):
    return {name: given[name] for name in ("y", "progress")}


def run_onnx(path, signature):
    """A function from a request to the annotation, by ONNX Runtime."""
    convert = pytest.importorskip("tf2onnx.convert")
    onnxruntime = pytest.importorskip("onnxruntime")
    file = f"{path}.onnx"
    options = "--saved-model", str(path), "--output", file, "--opset", "17"
    with pytest.MonkeyPatch.context() as patch:
        # As `python -m tf2onnx.convert`, without another start of TensorFlow.
        patch.setattr("sys.argv", ["", *options, "--signature_def", signature])
        convert.main()
    session = onnxruntime.InferenceSession(file)
    taken = {value.name for value in session.get_inputs()}

    def run(feed):
        return session.run(None, {n: v for n, v in feed.items() if n in taken})[0]

    return run


def run_lite(path, signature):
    """A function from a request to the annotation, by TensorFlow Lite."""
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(path), signature_keys=[signature]
    )
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    run = interpreter.get_signature_runner(signature)
    return lambda feed: run(**feed)["annotation"]


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
@pytest.mark.parametrize("runtime", [run_onnx, run_lite])
def test_other_runtimes_give_the_same_and_no_weight_out_of_range(runtime, exported):
    path, signature, feed, expected = exported
    run = runtime(path, signature)
    np.testing.assert_allclose(run(feed), expected, rtol=1e-5, atol=1e-5)
    for name in set(feed) & set(OUT_OF_RANGE):
        for value in OUT_OF_RANGE[name]:
            wrong = feed[name].copy()
            wrong[0] = value
            found = run({**feed, name: wrong})
            assert np.isnan(found[0]).all(), (name, value)
            np.testing.assert_allclose(found[1:], expected[1:], rtol=1e-5, atol=1e-5)


def test_tensorflow_still_refuses_what_is_out_of_range(exported):
    path, signature, feed, expected = exported
    serve = tf.saved_model.load(str(path)).signatures[signature]
    request = {name: tf.constant(value) for name, value in feed.items()}
    np.testing.assert_allclose(
        serve(**request)["annotation"], expected, rtol=1e-5, atol=1e-6
    )
    for name in set(feed) & set(OUT_OF_RANGE):
        for value in OUT_OF_RANGE[name]:
            wrong = feed[name].copy()
            wrong[0] = value
            with pytest.raises(tf.errors.InvalidArgumentError):
                serve(**{**request, name: tf.constant(wrong)})


def test_the_manifest_gives_the_integers_of_names(tmp_path):
    weighting = GroupWeighting(SITES)
    weighting(weighting.add_groups(X, SITES))
    random(weighting)
    export_commentary(weighting, tmp_path / "it")
    columns = read_manifest(tmp_path / "it")["teaching_config"]["groups"]
    names = columns["group"]["names"]
    integers = [names.index(site) + 1 for site in SITES]
    loaded = SavedCommentary(tmp_path / "it")
    serve = loaded._loaded.signatures["annotate_prepared"]
    found = serve(group_index=tf.constant(integers, tf.int32))["annotation"]
    np.testing.assert_allclose(found, loaded(weighting.add_groups(X, SITES)))


def test_no_operation_that_few_runtimes_have(exported):
    message = saved_model_pb2.SavedModel()
    message.ParseFromString((exported[0] / "saved_model.pb").read_bytes())
    functions = message.meta_graphs[0].graph_def.library.function
    found = {node.op for function in functions for node in function.node_def}
    assert "EnsureShape" not in found
