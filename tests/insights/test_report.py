"""The page about a commentary, also as a browser sees it."""

import html
import html.parser
import json
import os
import re
import shutil
import subprocess

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_student

from tfcommentaries import (
    AttentionMask,
    AuxiliaryTargets,
    CommentaryLearner,
    Composition,
    ExampleWeighting,
    GroupWeighting,
    LabelBlending,
    LossWeighting,
    SavedCommentary,
    SoftLabels,
    export_commentary,
    insights,
)
from tfcommentaries.datasets import Examples
from tfcommentaries.teaching import Comparison, Condition, Row

HISTORY = {"outer_step": [10, 20], "loss": [2.0, 1.0], "hypergradient_norm": [3.0, 2.0]}
SITES = np.array(["Rome", "Bern", "Oslo"] * 20)


def sites():
    """Weights of sites, as if learned."""
    weighting = GroupWeighting(SITES)
    weighting.logits["group"].assign([[[2.0]], [[-1.0]], [[0.0]]])
    return weighting


KINDS = {
    "example_weighting": (
        lambda: ExampleWeighting(num_classes=10, curriculum=True),
        ["weights", "weights_over_progress", "examples", "suspects"],
    ),
    "group_weighting": (sites, ["sources"]),
    "label_blending": (lambda: LabelBlending(num_classes=10), ["blending"]),
    "soft_labels": (lambda: SoftLabels(num_classes=10), ["labels", "suspects"]),
    "auxiliary_targets": (lambda: AuxiliaryTargets(4), ["targets"]),
    "attention_mask": (AttentionMask, ["masks"]),
    "loss_weighting": (LossWeighting, ["weight_over_loss"]),
    "composition": (
        lambda: Composition([AttentionMask(), LabelBlending(num_classes=10)]),
        ["1-masks", "2-blending"],
    ),
    "composition of groups": (
        lambda: Composition([sites(), ExampleWeighting(num_classes=10)]),
        ["1-sources", "2-weights"],
    ),
}


def evaluation(gain, rule=0.0):
    """A comparison with a gain over plain training, and a rule's."""
    noise = np.array([0, 0.01, 0.02])
    scores = {
        Condition("the commentary", "Taught by it.", "ours"): gain + noise,
        Condition("plain training", "As they are.", "plain"): 0 * noise,
        Condition("a rule", "Chosen by a rule.", "baseline"): rule - noise,
    }
    rows = tuple(
        Row(one.name, step, "accuracy", tuple(np.array([0.5, 0.6, 0.7]) + values))
        for one, values in scores.items()
        for step in (10, 20)
    )
    return Comparison(tuple(scores), rows)


@pytest.fixture
def examples(digits):
    return Examples(digits.train.x[:60], digits.train.y[:60])


@pytest.fixture
def exported(tmp_path, examples, request):
    """An exported commentary of the kind that a test names."""
    commentary = KINDS[request.param][0]()
    if commentary.uses_student_loss:
        commentary(np.linspace(0, 5, 7, dtype="float32"))
    else:
        x = examples.x
        if commentary.table() is not None:
            x = commentary.add_groups(x, SITES)
        commentary(x, y=examples.y, progress=0.0)
    export_commentary(commentary, tmp_path / "it", {"inner_steps": 7})
    return SavedCommentary(tmp_path / "it"), KINDS[request.param][1]


class Page(html.parser.HTMLParser):
    """What is on a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.images, self.links = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "img":
            self.images.append(attributes)
        if tag == "a":
            self.links.append(attributes["href"])


@pytest.mark.parametrize("exported", KINDS, indirect=True)
def test_every_kind_has_a_page(exported, examples, tmp_path):
    commentary, expected = exported
    if commentary.table() is not None:
        examples = examples._replace(x=commentary.add_groups(examples.x, SITES))
    file = tmp_path / "report.html"
    insights.write_report(file, commentary, examples, history=HISTORY)
    text = file.read_text()
    page = Page(text)
    assert {name.removeprefix("1-") for name in expected} & set(page.ids)
    assert {name for name in expected if "sources" not in name} < set(page.ids)
    assert ("sources" in page.ids) == any("sources" in name for name in expected)
    assert ("suspects" in page.ids) == ("suspects" in expected)
    assert len(page.ids) == len(set(page.ids))
    # Everything lies in the page, and every link leads somewhere in it.
    assert all(image["src"].startswith("data:image/") for image in page.images)
    assert all(image["alt"] for image in page.images)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert not re.search(r"(?:src|href)=.?(?!data:|#)[a-z/]", text)
    assert len(text) < 1_000_000
    assert "Measure what it gains" in text and "inner steps" in text
    # All but the first screen is folded.
    assert text.count("<section") == text.count("<details>")


def first_screen(text):
    """What stands on a page before what is folded, as text without tags."""
    shown = text.split("<main")[1].split("<section")[0]
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", shown)).split())


@pytest.mark.parametrize("exported", ["example_weighting"], indirect=True)
def test_it_says_first_what_to_do(exported, examples, tmp_path):
    commentary, _ = exported
    corrupted = np.arange(60) % 3 == 0
    for gain, rule, todo, why in (
        (
            0.2,
            0.0,
            "Train with the commentary: accuracy 0.810 against 0.600 with plain",
            "No simpler way does as well. The best of them, a rule, reaches 0.590.",
        ),
        (
            -0.2,
            0.0,
            "Do not use it: accuracy 0.410 with the commentary against 0.600 with",
            "Are the checked examples clean",
        ),
        (
            0.2,
            0.3,
            "Train with a rule: accuracy 0.890 against 0.600 with plain training.",
            "Chosen by a rule. This needs no commentary: students do worse with the "
            "commentary (0.810).",
        ),
        (-0.2, 0.3, "Do not use it", "A simple way does better, a rule: 0.890."),
    ):
        comparison = evaluation(gain, rule)
        insights.write_report(
            tmp_path / "report.html",
            commentary,
            examples,
            comparison=comparison,
            corrupted=corrupted,
            facts={"dataset": "mine.csv"},
        )
        text = (tmp_path / "report.html").read_text()
        shown = first_screen(text)
        assert shown.index("mine.csv: how much") < shown.index(todo) < shown.index(why)
        # Each bar with its explanation, and at most one of them marked.
        for one in comparison.conditions:
            (bar,) = re.findall(f"<b>{one.name}</b>.*", text)
            assert one.explanation in bar and str(comparison.score(one)) in bar
        assert text.count('<li class="use">') == (gain > 0)
        assert "Yes." not in shown and "33 %." in shown
        assert f"{100 * (gain + 0.01):+.1f} ± 0.6" in text
        assert text.index("step 10<") < text.index("step 20<")
        # Where a phone shows cells without the head of their column.
        assert text.count('data-step="step 20"') > 3
        assert html.escape(comparison.verdict().text) in text


def test_without_examples_it_says_what_is_known(tmp_path, vectors):
    commentary = ExampleWeighting()
    commentary(vectors[0])
    insights.write_report(tmp_path / "it.html", commentary, facts={"a": "<b>x"})
    text = (tmp_path / "it.html").read_text()
    assert "No examples were given" in text
    assert "&lt;b&gt;x" in text and "<b>x" not in text


@pytest.mark.parametrize("exported", ["example_weighting"], indirect=True)
def test_opens_in_a_browser(exported, examples, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed here")
    commentary, _ = exported
    file = tmp_path / "report.html"
    insights.write_report(
        file, commentary, examples, comparison=evaluation(0.1), history=HISTORY
    )
    # A script that is not part of the page writes down what became of it.
    probe = """<script>addEventListener("load", () => {
      const wide = () => document.documentElement.scrollWidth - innerWidth;
      const folded = wide();
      for (const one of document.querySelectorAll("details")) one.open = true;
      const images = [...document.images];
      document.title = JSON.stringify({
        images: images.length,
        broken: images.filter(i => !i.naturalWidth).length,
        sections: document.querySelectorAll("section[id] h2").length,
        wide: Math.max(folded, wide()),
        requests: performance.getEntriesByType("resource")
          .filter(e => !e.name.startsWith("data:")).length})})</script>"""
    for width in (1200, 500, 360):
        found = in_browser(browser, file, probe, tmp_path, width)
        assert found["images"] >= 5 and found["sections"] >= 8
        assert found["broken"] == found["requests"] == 0
        assert found["wide"] <= 0


def in_browser(browser, file, probe, folder, width):
    """What a script at the end of a page gives the document as its title, as JSON."""
    probed = folder / "probed.html"
    probed.write_text(file.read_text().replace("</body>", f"{probe}</body>"))
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--enable-logging=stderr",
        f"--user-data-dir={folder / 'profile'}",
        f"--window-size={width},900",
        "--dump-dom",
        f"file://{probed}",
    ]
    # The budget is of a clock that jumps ahead of work in threads, as of decompression.
    for budget in 5_000, 50_000, 500_000:
        done = subprocess.run(
            [browser, f"--virtual-time-budget={budget}", *flags],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
            env={**os.environ, "HOME": str(folder)},
        )
        assert "CONSOLE" not in done.stderr
        title = done.stdout.split("<title>")[1].split("</title>")[0]
        if title.startswith("{"):
            return json.loads(title)
    raise AssertionError(f"The script did not end: the title is still {title!r}.")


def test_summaries_for_tensorboard(tmp_path, examples, digits):
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed here")
    learner = CommentaryLearner(
        ExampleWeighting(num_classes=10), make_student((8, 8, 1)), inner_steps=2
    )
    learner.compile(keras.optimizers.Adam(1e-3))
    learner.fit(
        digits.train,
        digits.validation,
        steps_per_epoch=1,
        epochs=2,
        callbacks=[insights.CommentarySummaries(tmp_path, examples)],
        verbose=0,
    )
    (file,) = tmp_path.glob("events*")
    found = set()
    for record in tf.data.TFRecordDataset(str(file)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        found |= {(event.step, value.tag) for value in event.summary.value}
    names = ("annotation", "weights", "examples")
    assert found == {(step, name) for step in (0, 1) for name in names}
