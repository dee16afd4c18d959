"""Every kind answers requests as TensorFlow Serving gets them.

The server is a stub: it loads the SavedModel, without tfcommentaries, in a process of
its own, and speaks the real protos over gRPC.
"""

import concurrent.futures
import pathlib

import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("grpc", reason="gRPC is not installed here")
pytest.importorskip(
    "tensorflow_serving", reason="tensorflow-serving-api is not installed here"
)

import grpc
from serving import serve
from tensorflow_serving.apis import (
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)

from tfcommentaries import (
    AttentionMask,
    AuxiliaryTargets,
    Composition,
    ExampleWeighting,
    GroupWeighting,
    LabelBlending,
    LossWeighting,
    SoftLabels,
    export_commentary,
)
from tfcommentaries.saving import write_warmup_requests

#: Where a batch of seven has one more, which is not known.
SITES, YEARS = ["Rome", "Bern", "Oslo"] * 2, [2024, 2025] * 3
KINDS = {
    "weighting": lambda: ExampleWeighting(num_classes=10, curriculum=True),
    "blending": lambda: LabelBlending(num_classes=10),
    "labels": lambda: SoftLabels(num_classes=10),
    "targets": lambda: AuxiliaryTargets(4, num_classes=10),
    "mask": AttentionMask,
    "loss": LossWeighting,
    "groups": lambda: GroupWeighting({"site": SITES, "year": YEARS}),
    "composition": lambda: Composition([AttentionMask(), ExampleWeighting()]),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory, digits):
    """`(models, channel, root, pid)`: commentaries by name, and what serves them."""
    root = tmp_path_factory.mktemp("models")
    models = {}
    for name, make in KINDS.items():
        commentary = models[name] = make()
        x, y = inputs(name, digits, 7)
        commentary(x, y=y, progress=0.0)
        for variable in commentary.trainable_variables:
            variable.assign_add(np.random.default_rng(0).normal(size=variable.shape))
        export_commentary(commentary, root / name / "1")
        write_warmup_requests(root / name / "1", x, y, 0.5, batch_sizes=(1, 7))
    with (
        serve(root) as (port, _, pid),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield models, channel, root, pid


def inputs(name, digits, size):
    """`(x, y)` for a kind."""
    if name == "groups":
        columns = {"site": [*SITES, "Kyiv"], "year": [*YEARS, 1999]}
        return {key: np.array(column)[:size] for key, column in columns.items()}, None
    if name == "loss":
        return np.linspace(0, 5, 7, dtype="float32")[:size], None
    return digits.train.x[:size], digits.train.y[:size]


def make_request(name, commentary, digits, size):
    x, y = inputs(name, digits, size)
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = "serving_default"
    values = dict(x) if isinstance(x, dict) else {"x": x}
    if commentary.uses_labels:
        values["y"] = y
    if commentary.uses_progress:
        values["progress"] = np.full(size, 0.5, "float32")
    for key, value in values.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value, shape=value.shape))
    return request


@pytest.mark.parametrize("size", [0, 1, 7])
@pytest.mark.parametrize("name", KINDS)
def test_answers(name, size, served, digits):
    models, channel, _, _ = served
    commentary = models[name]
    request = make_request(name, commentary, digits, size)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    response = stub.Predict(request, timeout=60)
    found = tf.make_ndarray(response.outputs["annotation"])
    # Keras itself refuses an empty batch.
    x, y = inputs(name, digits, 7)
    expected = commentary(x, y=y, progress=0.5).numpy()[:size]
    assert found.shape == expected.shape and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_many_clients_at_once(served, digits):
    """Each of 32 asks for all kinds, in an order of its own, and checks each answer."""
    models, channel, _, pid = served
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    requests, expected = {}, {}
    for name, commentary in models.items():
        for size in (1, 7):
            requests[name, size] = make_request(name, commentary, digits, size)
            answer = stub.Predict(requests[name, size], timeout=60)
            expected[name, size] = tf.make_ndarray(answer.outputs["annotation"])

    def ask(seed, rounds):
        order = list(requests)
        for _ in range(rounds):
            np.random.default_rng(seed).shuffle(order)
            for key in order:
                answer = stub.Predict(requests[key], timeout=60)
                found = tf.make_ndarray(answer.outputs["annotation"])
                np.testing.assert_array_equal(found, expected[key], err_msg=str(key))
        return rounds * len(order)

    with concurrent.futures.ThreadPoolExecutor(32) as clients:
        # Allocators take what they need for so many clients at first.
        assert sum(clients.map(ask, range(32), [2] * 32)) == 32 * 2 * len(requests)
        before = resident_mb(pid)
        assert sum(clients.map(ask, range(32), [6] * 32)) == 32 * 6 * len(requests)
    assert resident_mb(pid) - before < 30


def resident_mb(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(li.split()[1]) for li in lines if li.startswith("VmRSS")) / 1024


@pytest.mark.parametrize("name", KINDS)
def test_warmup_requests_are_answered(name, served):
    _, channel, root, _ = served
    file = root / name / "1" / "assets.extra" / "tf_serving_warmup_requests"
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    sizes = []
    for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        request = log.predict_log.request
        assert request.model_spec.name == name
        response = stub.Predict(request, timeout=60)
        sizes.append(response.outputs["annotation"].tensor_shape.dim[0].size)
    assert sizes == [1, 7]


def test_requests_that_cannot_be_made_are_refused(tmp_path, vectors):
    commentary = ExampleWeighting(num_classes=3)
    commentary(vectors[0], y=vectors[1])
    export_commentary(commentary, tmp_path / "it" / "1")
    with pytest.raises(ValueError, match="needs 1 examples of 'y'"):
        write_warmup_requests(tmp_path / "it" / "1", vectors[0])
    with pytest.raises(ValueError, match="needs 13 examples of 'x'"):
        write_warmup_requests(tmp_path / "it" / "1", *vectors, batch_sizes=(13,))
    assert not (tmp_path / "it" / "1" / "assets.extra").exists()
