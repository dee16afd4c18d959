"""Learning starts from the checked examples, and stops when nothing changes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries import (
    CommentaryLearner,
    Composition,
    GroupWeighting,
    LabelBlending,
    LearnCommentaryCallback,
)
from tfcommentaries.commentaries.group_start import start_logits
from tfcommentaries.datasets import corrupt_labels
from tfcommentaries.learning import StopWhenSettled
from tfcommentaries.learning.checked_start import start_from_checked
from tfcommentaries.learning.outer_batches import endless
from tfcommentaries.students import FunctionalStudent

NAMES = np.array(["good", "half", "wrong"])
STEPS = 60


@pytest.fixture
def data(digits):
    """`(x, y, source, checked)`: a good, a half wrong and a wrong source of digits."""
    x, y = digits.train.x.reshape(-1, 64), digits.train.y
    number = np.arange(len(y)) % 3
    half = corrupt_labels(y, 0.5, 10, seed=0)[0]
    y = np.choose(number, [y, half, (y + 1) % 10])
    checked = digits.validation.x[:50].reshape(-1, 64), digits.validation.y[:50]
    return x, y, NAMES[number], checked


def started(model, weighting, x, y, checked, steps=STEPS):
    """The logits that a weighting starts with, and whether anything was said."""
    student = FunctionalStudent(model)
    student.build(x[:2], y[:2])
    batches, _ = endless(checked, weighting, "validation", 32)
    data = weighting.add_groups(x, NAMES[np.arange(len(x)) % 3]), y
    told = start_from_checked(
        weighting, student, student.weights, data, batches.one_by_one(), steps
    )
    return np.asarray(weighting.logits["group"]).ravel(), told


def make_model(outputs=10, loss=None, activation=None, rate=0.01):
    """A compiled linear model."""
    layers = [keras.Input((64,)), keras.layers.Dense(outputs, activation)]
    model = keras.Sequential(layers)
    loss = loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss)
    return model


def test_it_is_the_agreement_with_a_model_that_keras_trains(data):
    x, y, source, checked = data
    model, weighting = make_model(), GroupWeighting(source)
    found, told = started(model, weighting, x, y, checked)
    batches, _ = endless(checked, weighting, "validation", 32)
    model.fit(batches.one_by_one(), steps_per_epoch=STEPS, shuffle=False, verbose=0)
    agrees = model.predict(x, verbose=0).argmax(-1) == y
    index = np.asarray(weighting.columns["group"].index(source))
    assert told and found[0] > 1 and found[2] == -3
    np.testing.assert_allclose(found, start_logits(agrees, index, y, 3), atol=0.1)
    # Each example was read once.
    assert all(row["seen"] == row["examples"] for row in weighting.table())


@pytest.mark.parametrize("labels", ["column", "rows"])
def test_labels_may_have_any_form(data, labels):
    x, y, source, (x_checked, y_checked) = data
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model = make_model(10, loss if labels == "rows" else None)

    def form(y):
        return np.eye(10, dtype="float32")[y] if labels == "rows" else y[:, None]

    found, told = started(
        model, GroupWeighting(source), x, form(y), (x_checked, form(y_checked))
    )
    assert told and found[0] > 1 and found[2] == -3


def linear(x):
    """A number that a linear model can predict."""
    return x @ np.random.default_rng(0).normal(size=64).astype("float32")


@pytest.mark.parametrize(
    "activation, loss", [("sigmoid", "binary_crossentropy"), (None, "hinge")]
)
def test_two_classes_with_one_output(data, activation, loss):
    x, _, source, (x_checked, _) = data
    middle = np.median(linear(x))
    y, y_checked = linear(x) > middle, linear(x_checked) > middle
    y = np.where(source == "wrong", ~y, y).astype(int)
    checked = x_checked, y_checked.astype(int)
    model = make_model(1, loss, activation, 0.1)
    found, told = started(model, GroupWeighting(source), x, y, checked, 200)
    assert told and found[0] > 0.3 and found[2] == -3


def test_numbers_are_judged_by_errors_below_the_median(data):
    x, _, source, (x_checked, _) = data
    noise = np.random.default_rng(0).normal(size=len(x))
    y = linear(x) + np.select([source == "half", source == "wrong"], [noise, 5 * noise])
    checked = x_checked, linear(x_checked)
    model = make_model(1, "mse", rate=0.1)
    found, told = started(model, GroupWeighting(source), x, y, checked, 300)
    assert told and found[0] > 0.5 and found[2] < -1


def test_what_cannot_be_judged_starts_neutral(data):
    x, y, source, (x_checked, y_checked) = data
    # Several labels for each example.
    model = make_model(2, keras.losses.BinaryCrossentropy(from_logits=True))

    def several(y):
        return np.stack([y % 2, y % 3 == 0], 1).astype("float32")

    checked = x_checked, several(y_checked)
    found, told = started(model, GroupWeighting(source), x, several(y), checked, 1)
    assert not told and not found.any()
    # A model that is no better than chance.
    model = make_model(rate=1e-9)
    found, told = started(model, GroupWeighting(source), x, y, (x_checked, y_checked))
    assert not told and not found.any()


class Note(keras.callbacks.Callback):
    """Notes the logits before and after each outer step."""

    def __init__(self, weighting):
        super().__init__()
        self.weighting = weighting
        self.logits = []

    def on_train_begin(self, logs=None):
        self.on_train_batch_end(0)

    def on_train_batch_end(self, batch, logs=None):
        self.logits.append(np.asarray(self.weighting.logits["group"]).ravel())


def learn(data, epochs=6, directory=None, **options):
    """The logits before and after each outer step, and the history."""
    x, y, source, checked = data
    weighting = GroupWeighting(source)
    learner = CommentaryLearner(weighting, make_model(), inner_steps=5, **options)
    note = Note(weighting)
    history = learner.fit(
        weighting.add_groups(x, source),
        y,
        validation_data=checked,
        steps_per_epoch=2,
        epochs=epochs,
        callbacks=[note],
        checkpoint_dir=directory,
        verbose=0,
    )
    return note.logits, history.history


def test_a_learner_starts_and_stops_by_itself(data):
    logits, history = learn(data)
    assert logits[0][0] > 1 and logits[0][2] == -3
    # The initial state, and three steps without a change.
    assert len(logits) == 4 and len(history["loss"]) == 2
    again, _ = learn(data)
    np.testing.assert_allclose(again, logits, rtol=1e-5)
    logits, _ = learn(data, start_from_checked=False)
    assert not logits[0].any() and len(logits) == 13
    logits, _ = learn(data, settled_after=None)
    assert logits[0][2] == -3 and len(logits) == 13


def test_students_of_few_steps_guess_but_the_start_did_not(data):
    x, y, source, checked = data
    weighting = GroupWeighting(source)
    learner = CommentaryLearner(weighting, make_model(), inner_steps=1)
    x = weighting.add_groups(x, source)
    learner.fit(x, y, validation_data=checked, verbose=0)
    assert weighting.doubt is None and weighting.trusted() == ["good"]
    # What is learned beside weights of groups takes longer.
    both = Composition([GroupWeighting(source), LabelBlending(10)])
    student = make_model(10, keras.losses.CategoricalCrossentropy(from_logits=True))
    learner = CommentaryLearner(both, student, inner_steps=1)
    with pytest.warns(UserWarning, match="no better than guessing"):
        learner.fit(x, y, validation_data=checked, steps_per_epoch=6, verbose=0)
    assert int(learner.optimizer.iterations) == 6


def test_a_weighting_that_has_learned_goes_on(data):
    x, y, source, checked = data
    weighting, student = GroupWeighting(source), make_model()
    weighting.logits["group"].assign([[[0.5]], [[0.0]], [[0.0]]])
    found, told = started(student, weighting, x, y, checked)
    assert not told and found.tolist() == [0.5, 0, 0]


def test_an_interrupted_learning_stops_where_it_would_have(data, tmp_path):
    logits, history = learn(data, directory=tmp_path / "whole")
    learn(data, epochs=1, directory=tmp_path / "parts")
    resumed, resumed_history = learn(data, directory=tmp_path / "parts")
    assert len(resumed) == 2
    np.testing.assert_allclose(resumed[-1], logits[-1], rtol=1e-5)
    assert len(resumed_history["loss"]) == len(history["loss"]) == 2
    # There is nothing left to learn.
    again, again_history = learn(data, directory=tmp_path / "parts")
    np.testing.assert_array_equal(again, resumed[-1:])
    assert again_history == resumed_history


def test_data_sets_and_compositions_start_too(data):
    x, y, source, checked = data
    weighting = GroupWeighting(source)
    both = Composition([weighting, LabelBlending(10)])
    student = make_model(10, keras.losses.CategoricalCrossentropy(from_logits=True))
    learner = CommentaryLearner(both, student, inner_steps=5)
    batches = tf.data.Dataset.from_tensor_slices((both.add_groups(x, source), y))
    note = Note(weighting)
    learner.fit(
        batches.shuffle(2000, seed=0).batch(32),
        validation_data=checked,
        steps_per_epoch=1,
        callbacks=[note],
        verbose=0,
    )
    assert note.logits[0][0] > 1 and note.logits[0][2] == -3
    # Endless data sets are read once, too.
    assert sum(row["seen"] for row in weighting.table()) == len(y) + 5 * 32


class Table:
    """A commentary that trusts other groups at each outer step."""

    def __init__(self, *trusted):
        self.columns = GroupWeighting(["a", "b"]).columns
        self._trusted = iter(trusted)

    def table(self):
        weighting = GroupWeighting(["a", "b"])
        logits = [3.0 if name in next(self._trusted) else -3.0 for name in "ab"]
        weighting.logits["group"].assign(np.reshape(logits, [2, 1, 1]))
        return weighting.table()


def test_patience_begins_anew_with_each_change():
    sets = "a", "a", "b", "b", "b", "ab", "ab", "ab", "ab"
    callback = StopWhenSettled(Table(*(one for one in sets for _ in "ab")), patience=3)
    callback.set_model(keras.Model())
    callback.model.stop_training = False
    callback.on_train_begin()
    stopped = []
    for batch in range(8):
        callback.on_train_batch_end(batch)
        stopped.append(callback.model.stop_training)
    assert stopped == [False] * 7 + [True]


def test_patience_is_positive():
    with pytest.raises(ValueError, match="at least 1, or None. Received: patience=0"):
        StopWhenSettled(GroupWeighting(["a", "b"]), patience=0)


def test_learning_inside_fit_starts_where_it_is_told_to(data):
    x, y, source, checked = data
    weighting, model = GroupWeighting(source), make_model()
    before = model.get_weights()
    grouped = weighting.add_groups(x, source)
    learn = LearnCommentaryCallback(weighting, checked, warmup=1000, start=(grouped, y))
    learn.set_model(model)
    for value, old in zip(model.get_weights(), before):
        np.testing.assert_array_equal(value, old)
    logits = np.asarray(weighting.logits["group"]).ravel()
    assert logits[0] > 1 and logits[2] == -3


def test_several_devices_start_as_one_does(data, mirrored):
    x, y, source, checked = data
    starts = []
    for strategy in tf.distribute.get_strategy(), mirrored:
        with strategy.scope():
            weighting = GroupWeighting(source)
            learner = CommentaryLearner(
                weighting, make_model(), inner_steps=2, students_per_step=2
            )
            learner.compile()
        note = Note(weighting)
        learner.fit(
            weighting.add_groups(x, source),
            y,
            validation_data=checked,
            steps_per_epoch=1,
            callbacks=[note],
            verbose=0,
        )
        starts.append(note.logits[0])
    assert starts[0][0] > 1
    np.testing.assert_allclose(*starts, atol=1e-4)
