"""Weights of groups are learned, alone and beside other kinds."""

import numpy as np
import pytest
import tensorflow as tf
from models import make_linear, make_student

from tfcommentaries import (
    AttentionMask,
    CommentaryLearner,
    Composition,
    ExampleWeighting,
    GroupWeighting,
    LearnCommentaryCallback,
    SavedCommentary,
    export_commentary,
    teachers,
)

NAMES = np.array(["ann", "bob", "cem"])
PARTS = {
    "examples": lambda: ExampleWeighting(num_classes=10),
    "ids": lambda: ExampleWeighting(
        teachers.Table(64), teacher_key="id", student_key="x"
    ),
    "masks": lambda: AttentionMask(teachers.unet((8, 8, 1), depth=1, width=4)),
}


def test_sources_are_learned_from_batches_of_one_each(spoiled, digits):
    x, y, source = spoiled
    order = np.argsort(source, kind="stable")
    weighting = GroupWeighting(source)
    grouped = weighting.add_groups(x[order], source[order])
    files = [
        tf.data.Dataset.from_tensor_slices((grouped, y[order]))
        .skip(start)
        .take(len(y) // 3)
        .repeat()
        .batch(8)
        for start in range(0, 3 * (len(y) // 3), len(y) // 3)
    ]
    data = tf.data.Dataset.choose_from_datasets(
        files, tf.data.Dataset.range(3).repeat()
    )
    checked = digits.validation.x[:50].reshape(50, 64), digits.validation.y[:50]
    learner = CommentaryLearner(weighting, make_student((64,)), inner_steps=21)
    learner.compile()
    learner.fit(data, checked, epochs=2, verbose=0)
    check_mistrusts_bob(weighting)


@pytest.fixture
def spoiled(digits):
    """Digits of which one third, of one source, has random labels."""
    x, y = digits.train.x.reshape(-1, 64), digits.train.y.copy()
    source = NAMES[np.arange(len(y)) % 3]
    bad = source == "bob"
    y[bad] = np.random.default_rng(0).integers(0, 10, bad.sum())
    return x, y, source


def check_mistrusts_bob(weighting):
    weights = {row["group"]: row["weight"] for row in weighting.table()}
    assert weights["bob"] < 0.5 * min(weights["ann"], weights["cem"]), weights


def test_a_learner_finds_the_bad_source(spoiled, digits):
    x, y, source = spoiled
    checked = digits.validation.x[:50].reshape(50, 64), digits.validation.y[:50]
    weighting = GroupWeighting(source)
    learner = CommentaryLearner(weighting, make_student((64,)), inner_steps=20)
    learner.compile()
    assert float(learner.optimizer.learning_rate) == np.float32(0.2)
    # Names go in as they are; the checked examples have none.
    learner.fit(({"x": x, "group": source}, y), checked, epochs=2, verbose=0)
    check_mistrusts_bob(weighting)


def test_it_is_learned_inside_fit(spoiled, digits):
    x, y, source = spoiled
    checked = digits.validation.x[:50].reshape(50, 64), digits.validation.y[:50]
    weighting, model = GroupWeighting(source), make_student((64,))
    learn = LearnCommentaryCallback(weighting, checked)
    model.fit(
        weighting.add_groups(x, source), y, epochs=4, callbacks=[learn], verbose=0
    )
    check_mistrusts_bob(weighting)


def test_hypergradients_reach_all_columns(vectors):
    x, y = vectors
    columns = {"annotator": NAMES[np.arange(12) % 3], "year": np.arange(12) % 2 + 2020}
    weighting = GroupWeighting(columns, num_classes=3, curriculum=True)
    learner = CommentaryLearner(
        weighting, make_student((5,), 3), inner_steps=6, validation_mode="inference"
    )
    learner.compile()
    learner.fit(
        (weighting.add_groups(x, columns), y), (x, y), batch_size=4, epochs=1, verbose=0
    )
    assert all(np.abs(v).max() > 0 for v in weighting.trainable_variables)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("part", PARTS)
def test_goes_with_other_kinds(part, first, digits, tmp_path):
    x, y = digits.train.x[:64], digits.train.y[:64]
    source = NAMES[np.arange(64) % 3]
    groups = GroupWeighting(source)
    parts = [groups, PARTS[part]()]
    both = Composition(parts if first else parts[::-1])
    given = {"id": np.arange(64), "x": x} if part == "ids" else x
    grouped = both.add_groups(given, source)
    taught, _, weights = both.teach(grouped, y, None, 0.5)
    assert taught.shape == x.shape and weights.shape == (64,)
    learner = CommentaryLearner(both, make_linear((8, 8, 1)), inner_steps=3)
    learner.compile()
    learner.fit((grouped, y), (x, y), batch_size=16, steps_per_epoch=2, verbose=0)
    assert np.abs(groups.logits["group"]).max() > 0
    export_commentary(both, tmp_path / "both")
    saved = SavedCommentary(tmp_path / "both")
    for name, found in zip("xyw", saved.teach(grouped, y, None, 0.5)):
        expected = dict(zip("xyw", both.teach(grouped, y, None, 0.5)))[name]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert saved.manifest["inputs"]["group"]["dtype"] == "string"
