"""Learning again, from other checked examples, gives weights of groups intervals."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_linear

from tfcommentaries import (
    CommentaryLearner,
    Composition,
    ExampleWeighting,
    GroupWeighting,
    LabelBlending,
)
from tfcommentaries.learning.repeats import drawn_anew, examples_of

NAMES = np.array(["good", "half", "wrong"])


@pytest.fixture(scope="module")
def data(digits):
    """`(x, y, source, checked)`: a good, a half wrong and a wrong source of digits."""
    x, y = digits.train.x[:300], digits.train.y[:300]
    number = np.arange(len(y)) % 3
    random = np.random.default_rng(0).integers(0, 10, len(y))
    half = np.where(np.arange(len(y)) % 2, y, random)
    y = np.choose(number, [y, half, (y + 1) % 10])
    return x, y, NAMES[number], tuple(part[:50] for part in digits.validation)


def model(loss="sparse_categorical_crossentropy"):
    """A quick student that soon learns something."""
    model = make_linear((8, 8, 1))
    model.add(keras.layers.Softmax())
    model.compile(keras.optimizers.Adam(0.03), loss)
    return model


def learn(data, commentary=None, student=None, **options):
    """The commentary and its learner, after two outer steps at most."""
    commentary = commentary or GroupWeighting(data[2])
    options = {"inner_steps": 5, "start_from_checked": False, **options}
    learner = CommentaryLearner(commentary, student or model(), **options)
    fit(learner, data)
    return commentary, learner


def fit(learner, data):
    x, y, source, checked = data
    learner.fit(
        (learner.commentary.add_groups(x, source), y),
        validation_data=checked,
        steps_per_epoch=2,
        verbose=0,
    )


@pytest.fixture(scope="module")
def alone(data):
    """A weighting and its learner, after a single learning."""
    return learn(data)


@pytest.fixture(scope="module")
def repeated(data):
    """The same after two repeats, and what was combined."""
    found = []
    weighting = GroupWeighting(data[2])
    combine = weighting.combine
    weighting.combine = lambda ones: (found.append(ones), combine(ones))
    return *learn(data, weighting, repeats=2), found


def logits_of(weighting):
    return np.asarray(weighting.logits["group"]).ravel()


def test_weights_are_the_mean_of_learnings_and_the_interval_is_their_range(
    alone, repeated
):
    weighting, _, learned = repeated
    logits = np.reshape(learned[-1], [3, 3])
    np.testing.assert_allclose(logits_of(weighting), logits.mean(0), rtol=1e-5)
    weights = 1 / (1 + np.exp(-logits))
    for row in weighting.table():
        ones = weights[:, NAMES.tolist().index(row["group"])]
        assert ones.min() < row["weight"] < ones.max()
        assert (row["low"], row["high"]) == pytest.approx((ones.min(), ones.max()))
    # The first is that of a learner without repeats; the others differ from it.
    np.testing.assert_allclose(logits[0], logits_of(alone[0]), rtol=1e-5)
    assert all(len({*column}) == 3 for column in logits.T)
    assert "high" not in alone[0].table()[0]


def test_the_learner_is_as_after_its_first_learning(alone, repeated):
    learner, once = repeated[1], alone[1]
    assert learner.seed == 0 and learner.repeats == 2
    for variable, same in zip(learner.optimizer.variables, once.optimizer.variables):
        np.testing.assert_allclose(variable, same, rtol=1e-4, atol=1e-6)
    seen = [
        {row["group"]: row["seen"] for row in one.table()}
        for one in (alone[0], repeated[0])
    ]
    assert seen[0] == seen[1]


def test_each_learning_begins_where_the_first_began(data):
    # Nothing varies: the same student, one checked example of each class, and all
    # training examples in each batch.
    x, y, source, checked = data
    _, one = np.unique(checked[1], return_index=True)
    part = x[:32], y[:32], source[:32], tuple(part[one] for part in checked)
    weighting, _ = learn(part, student_initialization="fixed", repeats=1)
    for row in weighting.table():
        np.testing.assert_allclose([row["low"], row["high"]], row["weight"], rtol=1e-4)


def test_with_a_start_advice_is_sure_and_later_learning_is_not(data):
    weighting, learner = learn(data, repeats=2, start_from_checked=True)
    advice = {row["group"]: row["advice"] for row in weighting.table()}
    assert advice["good"] == "trust" and advice["wrong"] == "drop"
    assert all(row["low"] <= row["weight"] <= row["high"] for row in weighting.table())
    learner.repeats = 0
    fit(learner, data)
    assert "high" not in weighting.table()[0]


def test_a_composition_keeps_what_else_was_learned_first(data):
    learned = []
    for repeats in 0, 1:
        both = Composition([LabelBlending(10), GroupWeighting(data[2])])
        learn(data, both, model("categorical_crossentropy"), repeats=repeats)
        learned.append(both)
    first, again = (both.commentaries[0].trainable_variables for both in learned)
    for one, other in zip(first, again):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-7)
    assert all("high" in row for row in learned[1].table())


def test_an_interrupt_leaves_what_was_learned_first(data, alone):
    learner = CommentaryLearner(
        GroupWeighting(data[2]), model(), inner_steps=5, repeats=1
    )
    learner.start_from_checked = False
    reseed = learner.reseed

    def stop(seed):
        reseed(seed)
        if seed:
            raise KeyboardInterrupt

    learner.reseed = stop
    with pytest.raises(KeyboardInterrupt):
        fit(learner, data)
    found = logits_of(learner.commentary)
    np.testing.assert_allclose(found, logits_of(alone[0]), rtol=1e-5)
    assert learner.seed == 0 and learner.repeats == 1


def test_intervals_are_saved(data, repeated):
    store = {}
    repeated[0].save_own_variables(store)
    other = GroupWeighting(data[2])
    other.load_own_variables(store)
    other.doubt = repeated[0].doubt
    assert other.table() == repeated[0].table() and "high" in other.table()[0]


def test_examples_are_drawn_within_each_class():
    x, y = np.arange(30), np.repeat([3, 5, 7], [2, 8, 20])
    weights = x / 2
    found = drawn_anew((x, y, weights), seed=1)
    assert sorted(found[1]) == sorted(y) and len({*found[0]}) < 25
    np.testing.assert_array_equal(found[1], y[found[0]])
    np.testing.assert_array_equal(found[2], found[0] / 2)
    other = drawn_anew((x, y[:, None], weights), seed=2)
    assert sorted(other[1].ravel()) == sorted(y)
    assert not np.array_equal(other[0], found[0])
    # Numbers, and inputs of any structure.
    x, y = drawn_anew(({"a": x, "b": 2 * x}, x / 3), seed=1)
    np.testing.assert_array_equal(x["b"], 2 * x["a"])
    np.testing.assert_allclose(y, x["a"] / 3)


def test_checked_examples_of_a_data_set_are_read_once():
    data = tf.data.Dataset.from_tensor_slices((np.arange(10), np.arange(10) * 2))
    x, y = examples_of(data.batch(4))
    np.testing.assert_array_equal(x, np.arange(10))
    np.testing.assert_array_equal(y, 2 * x)
    with pytest.raises(ValueError, match="are endless, or more than 20,000"):
        examples_of(data.repeat().batch(4000))


@pytest.mark.parametrize("repeats", [-1, 2.5])
def test_repeats_are_counted(repeats):
    with pytest.raises(ValueError, match=f"at least 0. Received: repeats={repeats}"):
        CommentaryLearner(GroupWeighting(NAMES), make_linear((2,)), repeats=repeats)


def test_only_groups_have_intervals():
    with pytest.raises(ValueError, match="which ExampleWeighting has not"):
        CommentaryLearner(ExampleWeighting(), make_linear((2,)), repeats=2)
