"""Every Python block of the documents runs as it is written."""

import pathlib
import re
import runpy

import numpy as np
import pytest
import tensorflow as tf
from models import make_student
from serving import serve

from tfcommentaries import (
    CommentaryCallback,
    ExampleWeighting,
    export_commentary,
)
from tfcommentaries.students import FunctionalStudent

DOCS = pathlib.Path(__file__).parents[2] / "docs"


def run(page, names=None, change=lambda code: code):
    """Runs the blocks of a page one after the other; gives the names they leave."""
    names = {"__name__": page, **(names or {})}
    text = (DOCS / page).read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.S | re.M)
    for number, code in enumerate(blocks):
        code = compile(change(code), f"{page}, block {number + 1}", "exec")
        exec(code, names)
    return names


def test_no_page_is_left_out():
    pages = {
        path.relative_to(DOCS).as_posix()
        for path in DOCS.rglob("*.md")
        if "```python" in path.read_text()
    }
    tested = set(
        re.findall(r'run\(\s*"([^"]+\.md)"', pathlib.Path(__file__).read_text())
    )
    assert pages == tested


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_keras_tutorial(tmp_path):
    names = run("tutorials/keras.md")
    rows = {
        (row["condition"], row["student_step"]): row["mean"]
        for row in names["rows"]
        if row["metric"] == "accuracy"
    }
    assert rows["commentary", 200] > rows["plain", 200]
    assert "<html" in (tmp_path / "report.html").read_text()


def test_quick_start(capsys):
    names = runpy.run_path(str(DOCS / "tutorials" / "quickstart.py"))
    assert names["wrong"][names["suspects"].index[:100]].mean() > 0.7
    assert capsys.readouterr().out.count("test accuracy 0.") == 2


def test_serving_tutorial(capsys):
    pytest.importorskip(
        "tensorflow_serving", reason="tensorflow-serving-api is not installed here"
    )
    run("tutorials/serving.md")
    assert re.search(r"^annotation_50 \[0\.\d", capsys.readouterr().out, re.M)


def test_tfx_tutorial(capsys, monkeypatch):
    pytest.importorskip("tfx", reason="TFX is not installed here (extra `tfx`)")
    monkeypatch.syspath_prepend(str(DOCS.parent))
    run("tutorials/tfx.md")
    printed = capsys.readouterr().out
    assert "example_weighting" in printed and "report.html" in printed


def test_hypergradients(digits):
    commentary, model = ExampleWeighting(), make_student((8, 8, 1))
    x, y, _ = commentary.teach(digits.train.x[:4], digits.train.y[:4], None, 0.0)
    student = FunctionalStudent(model)
    student.build(x, y)

    def outer_loss(weights, batch):
        outputs, _ = student.predict(weights, batch[0], training=False)
        return tf.reduce_mean(model.loss(batch[1], outputs))

    names = run(
        "hypergradients.md",
        {
            "commentary": commentary,
            "student": student,
            "model": model,
            "phi": [tf.convert_to_tensor(v) for v in commentary.trainable_variables],
            "initial_weights": student.weights,
            "batches": tuple(
                part[:12].reshape(3, 4, *part.shape[1:]) for part in digits.train
            ),
            "validation_batch": digits.validation,
            "outer_loss": outer_loss,
        },
    )
    norms = [tf.norm(g) for g in names["hypergradient"]]
    assert np.all(np.isfinite(norms)) and np.max(norms) > 0


def test_serving_and_keeping(tmp_path, digits, data_dir):
    pytest.importorskip(
        "tensorflow_serving", reason="tensorflow-serving-api is not installed here"
    )
    commentary = ExampleWeighting(num_classes=10)
    x, y = digits.train.x[:2], digits.train.y[:2]
    expected = commentary(x, y=y, progress=1.0)
    export_commentary(commentary, tmp_path / "models" / "weighting" / "1")
    # The store writes beside the data set, so the data set is seen from elsewhere.
    for version in pathlib.Path(data_dir, "cifar10").iterdir():
        if version.name != "commentaries":
            link = tmp_path / "tfds" / "cifar10" / version.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(version)

    def change(code):
        code = code.replace("localhost:8500", f"localhost:{grpc_port}")
        code = code.replace("localhost:8501", f"localhost:{rest_port}")
        code = code.replace(', "weighting"', ', "weighting", data_dir=DATA_DIR')
        return code.replace('list("cifar10")', 'list("cifar10", DATA_DIR)')

    names = {
        "images": x,
        "labels": y,
        "progress": np.ones(2, "float32"),
        "x": x,
        "y": y,
        "commentary": commentary,
        "model": make_student((8, 8, 1)),
        "CommentaryCallback": CommentaryCallback,
        "DATA_DIR": str(tmp_path / "tfds"),
        "answers": [],
    }
    with serve(tmp_path / "models") as (grpc_port, rest_port):

        def keep(code):
            return change(code) + "\nanswers.append(globals().get('weights'))"

        names = run("serving.md", names, keep)
    for weights in names["answers"][:2]:
        np.testing.assert_allclose(weights, expected, rtol=1e-4)
    assert names["stored"].card["licence"] == "CC0"
