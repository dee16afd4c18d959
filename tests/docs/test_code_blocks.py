"""Every Python block of the documents runs as it is written."""

import pathlib
import re
import runpy

import numpy as np
import pytest
import tensorflow as tf
from models import make_student
from pages import DOCS, run

from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    GroupWeighting,
    export_commentary,
)
from tfcommentaries.students import FunctionalStudent

#: Faults of sources that learning inside one `fit` finds reliably.
MISLEADING = "random labels", "labels moved by one"


def test_no_page_is_left_out():
    pages = {
        path.relative_to(DOCS).as_posix()
        for path in DOCS.rglob("*.md")
        if "```python" in path.read_text()
    }
    tests = pathlib.Path(__file__).parent.glob("test_*.py")
    code = "\n".join(path.read_text() for path in tests)
    tested = set(re.findall(r'run\(\s*"([^"]+\.md)"', code))
    # Home has the README's code (tests/test_readme.py).
    assert pages == tested | {"index.md"}


def test_keras_tutorial(tmp_path):
    names = run("tutorials/keras.md")
    comparison = names["comparison"]
    assert comparison.gain("the commentary", "plain training").mean > 0
    assert "<html" in (tmp_path / "report.html").read_text()


def test_sources_tutorial(capsys):
    names = run("tutorials/sources.md")
    x, y = names["x_test"], names["y_test"]
    assert (names["model"].predict(x, verbose=0).argmax(-1) == y).mean() > 0.85
    good = {name for name, fault in names["faults"].items() if fault == "nothing"}
    assert set(names["table"].trusted()) == good
    assert capsys.readouterr().out.count("trusted sources: 0.9") == 1
    # The page on one `fit` uses the same data.
    names = run("in_fit.md", names)
    bad = {n for n, f in names["faults"].items() if f in MISLEADING}
    assert bad and not bad & set(names["faster"].table().trusted())


def test_text_tutorial():
    names = run("tutorials/text.md")
    trusted = set(names["weighting"].table().trusted())
    assert trusted == {"Ada", "Cleo", "Dan", "Finn"}


def test_finetuning_tutorial():
    pytest.importorskip("keras_hub", reason="only the notebooks' environment has it")
    names = run("tutorials/finetuning.md")
    trusted = set(names["weighting"].table().trusted())
    assert {"guides", "tickets"} <= trusted <= {"guides", "tickets", "pandas"}


def test_quick_start(capsys):
    names = runpy.run_path(str(DOCS / "tutorials" / "quickstart.py"))
    trusted = names["weighting"].table().trusted()
    faults = names["faults"]
    assert set(trusted) == {name for name in faults if faults[name] == "nothing"}
    assert capsys.readouterr().out.count("test accuracy 0.") == 2


def test_gpu():
    learner = CommentaryLearner(ExampleWeighting(num_classes=10), make_student())
    assert run("gpu.md", {"learner": learner})["learner"].jit_compile


def test_hypergradients(digits):
    commentary, model = ExampleWeighting(), make_student((8, 8, 1))
    x, y, _ = commentary.teach(digits.train.x[:4], digits.train.y[:4])
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


def test_serving_elsewhere():
    x, y = np.ones((2, 5), "float32"), np.array([0, 1])
    groups = ["Bern", "Rome", "Oslo"]
    weighting = ExampleWeighting(num_classes=2)
    expected = weighting(x, y=y)
    export_commentary(weighting, "commentary")
    sources = GroupWeighting(["Rome", "Bern"])
    grouped = sources.add_groups(x, ["Rome", "Bern"])
    sources(grouped)
    export_commentary(sources, "sources")
    names = {"x": x, "y": y, "groups": groups}
    names = run("serving_elsewhere.md", names)
    np.testing.assert_allclose(names["annotation"], expected, rtol=1e-5)
    np.testing.assert_array_equal(names["group_index"], [1, 2, 0])
