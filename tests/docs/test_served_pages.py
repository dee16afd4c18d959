"""Pages of the documents that need TFX or TensorFlow Serving run as written."""

import pathlib
import re
import types

import numpy as np
import pytest
from models import make_student
from pages import DOCS, run
from serving import serve

from tfcommentaries import CommentaryCallback, ExampleWeighting, export_commentary


def test_serving_tutorial(capsys):
    pytest.importorskip(
        "tensorflow_serving", reason="tensorflow-serving-api is not installed here"
    )
    run("tutorials/serving.md")
    assert len(re.findall(r"^\[0\.\d", capsys.readouterr().out, re.M)) == 2


def test_tfx_tutorial(capsys, monkeypatch):
    pytest.importorskip("tfx", reason="TFX is not installed here (extra `tfx`)")
    monkeypatch.syspath_prepend(str(DOCS.parent))
    run("tutorials/tfx.md")
    printed = capsys.readouterr().out
    assert "example_weighting" in printed and "report.html" in printed


def test_components_of_tfx():
    pytest.importorskip("tfx", reason="TFX is not installed here (extra `tfx`)")
    from tfx.types import channel_utils, standard_artifacts

    def output(**outputs):
        return types.SimpleNamespace(
            outputs={n: channel_utils.as_channel([k()]) for n, k in outputs.items()}
        )

    names = {
        "example_gen": output(examples=standard_artifacts.Examples),
        "commentary_gen": output(model=standard_artifacts.Model),
    }
    inferrer = run("tfx.md", names)["inferrer"]
    assert "serve_examples" in inferrer.exec_properties["model_spec"]


def test_serving_and_keeping(tmp_path, digits, data_dir):
    pytest.importorskip(
        "tensorflow_serving", reason="tensorflow-serving-api is not installed here"
    )
    commentary = ExampleWeighting(num_classes=10)
    x, y = digits.train.x[:2], digits.train.y[:2]
    expected = commentary(x, y=y)
    export_commentary(commentary, tmp_path / "models" / "weighting" / "1")
    # The store writes beside the data set, so the data set is seen from elsewhere.
    for version in pathlib.Path(data_dir, "cifar10").iterdir():
        if version.name != "commentaries":
            link = tmp_path / "tfds" / "cifar10" / version.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(version)

    key = tmp_path / "key"
    key.write_bytes(b"k" * 32)

    def change(code):
        code = code.replace("localhost:8500", f"localhost:{grpc_port}")
        code = code.replace("localhost:8501", f"localhost:{rest_port}")
        code = code.replace("/run/secrets/commentaries", str(key))
        code = code.replace(', "weighting"', ', "weighting", data_dir=DATA_DIR')
        return code.replace('list("cifar10")', 'list("cifar10", DATA_DIR)')

    names = {
        "images": x,
        "labels": y,
        "x": x,
        "y": y,
        "commentary": commentary,
        "model": make_student((8, 8, 1)),
        "CommentaryCallback": CommentaryCallback,
        "DATA_DIR": str(tmp_path / "tfds"),
        "answers": [],
    }
    with serve(tmp_path / "models") as (grpc_port, rest_port, _):

        def keep(code):
            return change(code) + "\nanswers.append(globals().get('weights'))"

        names = run("serving.md", names, keep)
    for weights in names["answers"][:2]:
        np.testing.assert_allclose(weights, expected, rtol=1e-4)
    assert names["stored"].card["licence"] == "CC0"
