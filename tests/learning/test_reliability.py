"""Advice is only given where students learned something."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_linear, make_student

from tfcommentaries import (
    CommentaryLearner,
    Composition,
    ExampleWeighting,
    GroupWeighting,
    LearnCommentaryCallback,
    SavedCommentary,
    export_commentary,
)
from tfcommentaries.learning.reliability import ReliabilityMonitor, loss_of_guessing

NAMES = np.array(["ann", "bob", "cem"])


@pytest.mark.parametrize("from_logits", [True, False])
def test_guessing_classes_costs_their_entropy(from_logits):
    y = np.repeat([0, 1, 2], [5, 3, 2])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    found = loss_of_guessing(lambda out: loss(y, out), y, tf.zeros([10, 3]))
    share = np.array([0.5, 0.3, 0.2])
    assert found == pytest.approx(-(share * np.log(share)).sum(), rel=1e-5)


@pytest.mark.parametrize("from_logits", [True, False])
def test_guessing_one_of_two_classes_costs_their_entropy(from_logits):
    y = np.array([[1.0], [0.0], [0.0], [0.0]])
    loss = keras.losses.BinaryCrossentropy(from_logits=from_logits)
    found = loss_of_guessing(lambda out: loss(y, out), y, tf.zeros([4, 1]))
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    assert found == pytest.approx(entropy, rel=1e-4)


@pytest.mark.parametrize(
    "loss, expected", [("mean_squared_error", 14.25), ("mean_absolute_error", 3.0)]
)
def test_guessing_numbers_costs_their_spread(loss, expected):
    y = np.array([0.0, 1.0, 2.0, 10.0])[:, None]
    expected = np.var(y) if loss == "mean_squared_error" else np.abs(y - 1.5).mean()
    loss = keras.losses.get(loss)
    found = loss_of_guessing(
        lambda out: tf.reduce_mean(loss(y, out)), y, tf.zeros([4, 1])
    )
    assert found == pytest.approx(expected, rel=1e-5)


def test_nothing_is_said_of_several_outputs():
    assert loss_of_guessing(None, {"a": 1, "b": 2}, {"a": 1, "b": 2}) is None


def run(monitor, losses):
    """Feeds a monitor one epoch, whose logs hold running means as Keras's do."""
    monitor.on_epoch_begin(0)
    for batch in range(len(losses)):
        monitor.on_train_batch_end(batch, {"loss": np.mean(losses[: batch + 1])})
    monitor.on_train_end()
    return monitor.commentary.doubt


def test_the_case_of_an_outer_loss_near_that_of_guessing():
    weighting = GroupWeighting(NAMES)
    with pytest.warns(UserWarning, match="no better than guessing.*2.3.*Raise `inner"):
        doubt = run(
            ReliabilityMonitor(weighting, np.log(10), "Raise `inner_steps`."),
            [2.27, 2.25, 2.27, 2.30],
        )
    assert "guessing 2.3" in doubt and len(doubt) < 400
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(ReliabilityMonitor(weighting, np.log(10), ""), [2.2, 1.5]) is None


def test_a_loss_that_falls_no_more_than_its_noise_is_noticed():
    weighting = GroupWeighting(NAMES)
    noise = np.random.default_rng(0).normal(size=30)
    monitor = ReliabilityMonitor(weighting, 2.3, "", True, True)
    with pytest.warns(UserWarning, match="not fallen by more than its noise"):
        run(monitor, 1.0 + 0.1 * noise)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        falling = np.linspace(1.5, 0.5, 30) + 0.1 * noise
        for guess in 2.3, 0.4:  # Students may be right, and too sure.
            monitor = ReliabilityMonitor(weighting, guess, "", True, True)
            assert run(monitor, falling) is None
        # A commentary that knew something before may have nothing more to learn.
        monitor = ReliabilityMonitor(weighting, 2.3, "", False, True)
        assert run(monitor, 1.0 + 0.1 * noise) is None


@pytest.fixture
def data(digits):
    x, y = digits.train.x, digits.train.y
    checked = digits.validation.x[:50], digits.validation.y[:50]
    return x, y, NAMES[np.arange(len(y)) % 3], checked


def test_students_that_learned_nothing_give_no_advice(data, tmp_path):
    x, y, source, checked = data
    weighting = GroupWeighting(source)
    student = make_linear((8, 8, 1))
    student.optimizer.learning_rate = 1e-6
    learner = CommentaryLearner(weighting, student, inner_steps=2)
    learner.compile()
    grouped = weighting.add_groups(x, source)
    with pytest.warns(UserWarning, match="no better than guessing.*`inner_steps`"):
        learner.fit(grouped, y, validation_data=checked, steps_per_epoch=3, verbose=0)
    table = weighting.table()
    assert table.advice() == ["unknown"] * 3 and table.trusted() == []
    assert "no better than guessing" in str(table)
    export_commentary(weighting, tmp_path / "it")
    saved = SavedCommentary(tmp_path / "it")
    assert saved.table().advice() == ["unknown"] * 3
    assert str(saved.table()) == str(table)
    assert saved.manifest["doubt"] == weighting.doubt


def test_a_composition_hands_its_doubt_to_its_parts():
    groups = GroupWeighting(NAMES)
    both = Composition([groups, ExampleWeighting()])
    both.doubt = "Nothing can be said."
    groups.logits["group"].assign([[[0.0]], [[1.0]], [[2.0]]])
    assert both.table().advice() == ["unknown"] * 3


def test_a_model_that_guesses_while_it_is_fitted_gives_no_advice(data):
    x, y, source, checked = data
    weighting, model = GroupWeighting(source), make_linear((8, 8, 1))
    model.optimizer.learning_rate = 1e-6
    learn = LearnCommentaryCallback(weighting, checked, warmup=2)
    with pytest.warns(UserWarning, match="no better than guessing.*`warmup=`"):
        model.fit(weighting.add_groups(x, source), y, callbacks=[learn], verbose=0)
    assert weighting.table().advice() == ["unknown"] * 3


def learned(groups, y, weights, seen=None):
    """A table after learning on these examples."""
    weighting = GroupWeighting(groups)
    logits = np.log(weights) - np.log1p(-np.asarray(weights))
    weighting.logits["group"].assign(logits[:, None, None])
    part = slice(None) if seen is None else seen
    x = weighting.add_groups(np.zeros((len(y), 2)), groups)
    weighting.observe({k: v[part] for k, v in x.items()}, np.asarray(y)[part])
    return weighting.table()


def test_weights_that_do_not_differ_are_no_reason_for_advice():
    table = learned(NAMES[[0, 1, 2] * 4], np.arange(12) % 4, [0.5, 0.52, 0.48])
    assert table.advice() == ["no difference"] * 3
    assert len(table.trusted()) == 3


def test_a_group_that_was_not_seen_is_not_trusted():
    groups = np.repeat(NAMES, 4)
    table = learned(groups, np.arange(12) % 4, [0.9, 0.1, 0.5], seen=slice(8))
    advice = {row["group"]: row["advice"] for row in table}
    assert advice == {"ann": "trust", "bob": "drop", "cem": "not seen"}
    seen = {row["group"]: row["seen"] for row in table}
    assert seen == {"ann": 4, "bob": 4, "cem": 0}


@pytest.mark.parametrize("rows", [False, True])
def test_the_weight_of_a_whole_class_is_no_advice(rows):
    y = np.arange(12) % 3
    labels = np.eye(3, dtype="float32")[y] if rows else y
    table = learned(NAMES[y], labels, [0.9, 0.05, 0.5])
    assert table.advice() == ["class weight"] * 3
    assert {row["only_class"] for row in table} == {0, 1, 2}
    table = learned(NAMES[y], np.arange(12) // 4, [0.9, 0.05, 0.5])
    assert "drop" in table.advice()


def test_a_learner_counts_what_it_read_of_each_group(data):
    x, y, source, checked = data
    weighting = GroupWeighting(source)
    learner = CommentaryLearner(
        weighting,
        make_student(),
        inner_steps=3,
        students_per_step=2,
        start_from_checked=False,
    )
    learner.compile()
    data = tf.data.Dataset.from_tensor_slices(
        (weighting.add_groups(x, source), y)
    ).batch(10)
    learner.fit(data, checked, steps_per_epoch=2, verbose=0)
    number = [0, 0, 0]
    for group in source[:120]:
        number[NAMES.tolist().index(group)] += 1
    seen = {row["group"]: row["seen"] for row in weighting.table()}
    assert seen == dict(zip(NAMES.tolist(), number))


def test_groups_that_learning_has_not_read_are_named(data):
    x, y, source, checked = data
    order = np.argsort(source, kind="stable")
    weighting = GroupWeighting(source)
    grouped = weighting.add_groups(x[order], source[order])
    sorted_data = tf.data.Dataset.from_tensor_slices((grouped, y[order])).batch(10)
    learner = CommentaryLearner(
        weighting, make_student(), inner_steps=3, start_from_checked=False
    )
    learner.compile()
    with pytest.warns(UserWarning, match="no example of 2 of 3 groups: bob, cem"):
        learner.fit(sorted_data, checked, steps_per_epoch=2, verbose=0)
    advice = {row["group"]: row["seen"] for row in weighting.table()}
    assert advice == {"ann": 60, "bob": 0, "cem": 0}
