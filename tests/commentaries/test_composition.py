"""Several commentaries as one."""

import keras
import numpy as np
import pytest
from models import make_student

from tfcommentaries import (
    AttentionMask,
    CommentaryLearner,
    Composition,
    ExampleWeighting,
    LabelBlending,
    SavedCommentary,
    export_commentary,
    teachers,
)

Y = np.arange(6) % 3


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(size=(6, 8, 8, 1)).astype("float32")


def composition():
    return Composition(
        [
            AttentionMask(teachers.unet((8, 8, 1), depth=1, width=4), area_penalty=0.1),
            ExampleWeighting(teachers.mlp((8, 8, 4), units=(8,)), num_classes=3),
            LabelBlending(3),
        ]
    )


def test_applies_one_after_the_other(images):
    both = composition()
    x, y, weights = both.teach(images, Y, None, 0.5)
    mask, weighting, blending = both.commentaries
    expected = mask.teach(images, Y)
    expected = weighting.apply(weighting(images, Y, 0.5), *expected)
    expected = blending.apply(blending(images, Y), *expected)
    for found, wanted in zip((x, y, weights), expected):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_parts_annotate_the_batch_as_it_came(images):
    both = composition()
    pieces = both.split(both(images, Y, 0.5))
    assert [p.shape[1:] for p in pieces] == [(8, 8, 1), (), (3,)]
    np.testing.assert_allclose(both.penalty(both(images, Y, 0.5)), 0.05, rtol=1e-5)


def test_parts_are_learned_together(images):
    both = composition()
    student = make_student(
        (8, 8, 1), 3, loss=keras.losses.CategoricalCrossentropy(from_logits=True)
    )
    learner = CommentaryLearner(both, student, inner_steps=3, validation_taught=True)
    learner.compile(keras.optimizers.SGD(1.0))
    both.teach(images, Y, None, 0.0)
    before = [v.numpy() for part in both.commentaries for v in part.trainable_variables]
    learner.fit((images, Y), (images, Y), batch_size=6, steps_per_epoch=1, verbose=0)
    learner.fit((images, Y), (images, Y), batch_size=6, steps_per_epoch=1, verbose=0)
    for part in both.commentaries:
        after = [v.numpy() for v in part.trainable_variables]
        changed = [not np.array_equal(a, b) for a, b in zip(after, before)]
        before = before[len(after) :]
        assert any(changed), part.name


def test_survives_export(images, tmp_path):
    both = composition()
    expected = both.teach(images, Y, None, 0.5)
    export_commentary(both, tmp_path / "both")
    saved = SavedCommentary(tmp_path / "both")
    for found, wanted in zip(saved.teach(images, Y, None, 0.5), expected):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_survives_its_config(images):
    both = composition()
    both(images, Y, 0.5)
    copy = Composition.from_config(both.get_config())
    assert [type(c) for c in copy.commentaries] == [type(c) for c in both.commentaries]
    assert copy.shapes == [(8, 8, 1), (), (3,)]


def test_refuses_nothing():
    with pytest.raises(ValueError, match="at least one"):
        Composition([])
