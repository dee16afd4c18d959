"""ONNX Runtime and TensorFlow Lite give what TensorFlow gives."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from saving.test_export import random_weights
from tensorflow.core.protobuf import saved_model_pb2

import tfcommentaries
from tfcommentaries import (
    AttentionMask,
    AuxiliaryTargets,
    Commentary,
    Composition,
    ElementWeighting,
    ExampleWeighting,
    GroupWeighting,
    LabelBlending,
    LossWeighting,
    SavedCommentary,
    SoftLabels,
    export_commentary,
    teachers,
)
from tfcommentaries.saving import read_manifest

BATCH, CLASSES = 6, 3
SITES = np.array(["Rome", "Bern", "Oslo"] * 2)
IMAGES = np.random.default_rng(0).random((BATCH, 8, 8, 1)).astype("float32")
KINDS = {
    "AttentionMask": AttentionMask,
    "AuxiliaryTargets": lambda: AuxiliaryTargets(2, num_classes=CLASSES),
    "Composition": lambda: Composition(
        [AttentionMask(), ExampleWeighting(num_classes=CLASSES)]
    ),
    "ElementWeighting": ElementWeighting,
    "ExampleWeighting": lambda: ExampleWeighting(num_classes=CLASSES),
    "GroupWeighting": lambda: GroupWeighting(SITES, CLASSES, curriculum=True),
    "LabelBlending": lambda: LabelBlending(CLASSES),
    "LossWeighting": LossWeighting,
    "SoftLabels": lambda: SoftLabels(CLASSES),
    # Not a class of its own, but the one with ids.
    "table": lambda: ExampleWeighting(
        teachers.Table(BATCH), curriculum=False, teacher_key="id", student_key="x"
    ),
}
#: What no example may have.
OUT_OF_RANGE = {
    "y": [-1, CLASSES],
    "progress": [-0.5, 1.5, np.nan],
    "group_index": [-1, 4],
    "id": [-1, BATCH],
}


def test_every_public_kind_is_here():
    classes = (getattr(tfcommentaries, name) for name in tfcommentaries.__all__)
    public = {
        one.__name__
        for one in classes
        if isinstance(one, type) and issubclass(one, Commentary)
    }
    assert public - {"Commentary", "SavedCommentary"} == set(KINDS) - {"table"}


@pytest.fixture(scope="module", params=list(KINDS))
def exported(request, tmp_path_factory):
    """Path, signature that takes numbers, a request for it, and the annotation."""
    keras.utils.set_random_seed(0)
    commentary = KINDS[request.param]()
    x = {"LossWeighting": IMAGES[:, 0, 0, 0], "table": {"id": np.arange(BATCH)}}.get(
        request.param, IMAGES
    )
    if request.param == "GroupWeighting":
        x = commentary.add_groups(IMAGES, SITES)
    given = {
        "y": np.arange(BATCH) % CLASSES if commentary.uses_labels else None,
        "progress": np.full(BATCH, 0.3, "float32")
        if commentary.uses_progress
        else None,
    }
    commentary(x, **given)
    random_weights(commentary)
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
    weighting(weighting.add_groups(IMAGES, SITES))
    random_weights(weighting)
    export_commentary(weighting, tmp_path / "it")
    columns = read_manifest(tmp_path / "it")["teaching_config"]["groups"]
    names = columns["group"]["names"]
    integers = [names.index(site) + 1 for site in SITES]
    loaded = SavedCommentary(tmp_path / "it")
    serve = loaded._loaded.signatures["annotate_prepared"]
    found = serve(group_index=tf.constant(integers, tf.int32))["annotation"]
    np.testing.assert_allclose(found, loaded(weighting.add_groups(IMAGES, SITES)))


def test_no_operation_that_few_runtimes_have(exported):
    message = saved_model_pb2.SavedModel()
    message.ParseFromString((exported[0] / "saved_model.pb").read_bytes())
    functions = message.meta_graphs[0].graph_def.library.function
    found = {node.op for function in functions for node in function.node_def}
    assert "EnsureShape" not in found
