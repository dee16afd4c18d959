"""Comparing students fairly."""

import keras
import numpy as np
import pytest
from models import make_student

from tfcommentaries import GroupWeighting, LabelBlending, LossWeighting
from tfcommentaries.commentaries import ConstantWeighting
from tfcommentaries.students import FunctionalStudent
from tfcommentaries.teaching import Condition, agreeing, evaluate, standard_conditions


def test_conditions_that_are_the_same_come_out_the_same(digits):
    train, test = digits.train, digits.test
    conditions = [
        Condition("plain", data=train),
        Condition("ones", data=train, commentary=ConstantWeighting(1.0)),
        Condition("weights of one", data=(*train, np.ones(len(train.y), "float32"))),
        Condition("none", data=train, commentary=ConstantWeighting(0.0)),
    ]
    found = evaluate(make_student(), conditions, test, (20, 40), 2, batch_size=32)
    assert {(r.condition, r.step, r.metric) for r in found.rows} == {
        (c.name, s, m)
        for c in conditions
        for s in (20, 40)
        for m in ("accuracy", "loss", "training_loss")
    }
    plain = found.score("plain")
    np.testing.assert_allclose(plain.values, found.score("ones").values)
    np.testing.assert_allclose(plain.values, found.score("weights of one").values)
    # The two students differ, and without a weight nobody learns.
    assert plain.values[0] != plain.values[1]
    assert found.score("none").mean < plain.mean - 0.3


def test_testing_does_not_change_training(digits):
    """Nor what is told of it: the same after 8 steps, tested on the way or not."""

    def rows(steps, **options):
        student = make_student(**options)
        plain = [Condition("plain", data=digits.train)]
        found = evaluate(student, plain, digits.test, steps, [5], 32)
        assert student.steps_per_execution == options.get("steps_per_execution", 1)
        return [row for row in found.rows if row.step == 8]

    assert rows(8) == rows((2, 3, 8)) == rows((2, 3, 8), steps_per_execution=4)


def test_students_are_as_keras_trains_them(digits):
    x, y = (part[:32] for part in digits.train)
    conditions = [Condition("first", data=(x, y)), Condition("again", data=(x, y))]
    student = FunctionalStudent(make_student())
    # All examples in each batch: their order does not matter.
    found = evaluate(student.model, conditions, digits.test, (1, 5), [3], 32)
    model = make_student()
    for own, value in zip(model.variables, student.model.variables):
        own.assign(value)
    student = FunctionalStudent(model)
    student.build(x, y)
    student.assign(student.draw("test-3"))
    losses = model.fit(x, y, batch_size=32, epochs=5, verbose=0).history["loss"]
    result = model.evaluate(*digits.test, verbose=0, return_dict=True)
    result["training_loss"] = np.mean(losses)
    for metric, value in result.items():
        for condition in conditions:
            measured = found.score(condition, metric=metric).mean
            assert measured == pytest.approx(value, rel=1e-4)


def test_only_the_last_test_is_on_all(digits):
    student, plain = make_student(), [Condition("plain", data=digits.train)]

    def curve(**options):
        found = evaluate(student, plain, digits.test, (4, 8), 1, 32, **options)
        return [found.score("plain", step).mean for step in (4, 8)]

    all_first, all_last = curve()
    first, last = curve(tested_on_the_way=50)
    assert last == all_last
    assert first == pytest.approx(round(50 * first) / 50) != all_first


def test_inputs_may_have_groups_beside_them(digits):
    x, y = (part[:60] for part in digits.train)
    weighting = GroupWeighting(y % 3)
    grouped = weighting.add_groups(x, y % 3)
    conditions = [
        Condition("weighted", data=(grouped, y), commentary=weighting),
        Condition("plain", data=(x, y)),
    ]
    found = evaluate(make_student(), conditions, digits.test, 2, 1, 32)
    weighted, plain = (found.score(c, metric="loss").mean for c in conditions)
    # All weights are alike before any is learned.
    assert weighted == pytest.approx(plain, rel=1e-4)


@pytest.mark.parametrize("first", ["blended", "plain"])
def test_a_commentary_may_change_the_form_of_labels(digits, first):
    (x, y), test = digits.train, digits.test
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    conditions = [
        Condition("blended", data=(x, y), commentary=LabelBlending(num_classes=10)),
        Condition("plain", data=(x, np.eye(10)[y])),
    ]
    conditions = conditions if first == "blended" else conditions[::-1]
    found = evaluate(
        make_student(loss=loss), conditions, (test.x, np.eye(10)[test.y]), 60, 1, 32
    )
    assert all(found.score(one).mean > 0.5 for one in conditions)


def test_weights_may_follow_the_students_own_loss(digits):
    weighting = LossWeighting()
    weighting(np.zeros(3, "float32"))
    conditions = [Condition("by loss", data=digits.train, commentary=weighting)]
    found = evaluate(make_student(), conditions, digits.test, 40, 1, 32)
    assert found.score("by loss").mean > 0.5


def test_standard_conditions_are_what_they_say(digits):
    (x, y), checked = (part[:60] for part in digits.train), digits.validation
    sites = np.array(["Rome", "Bern", "Oslo"] * 20)
    y = np.where(sites == "Oslo", (y + 1) % 10, y)
    weighting = GroupWeighting(sites)
    weighting.logits["group"].assign([[[0.0]], [[-9.0]], [[2.0]]])  # Bern, Oslo, Rome
    agrees = agreeing(make_student, checked, (x, y), 100, 32)
    trusted = weighting.table().trusted()
    # Rome's alone agree with students of the other half.
    found = standard_conditions(
        weighting, (x, y), checked, agrees, sites, ("Rome", "Bern"), sites == "Rome"
    )
    roles = [one.role for one in found]
    assert roles == ["ours"] * 2 + ["plain"] + ["baseline"] * 6 + ["oracle"]
    assert all(one.explanation.endswith(".") for one in found)
    found = {one.name: one for one in found}
    size = {name: len(one.data[1]) for name, one in found.items()}
    added = len(checked.y)
    assert size["plain training"] == 60 and size["checked examples alone"] == added
    assert size["the sources it trusts"] == 20 * len(trusted) + added
    assert size["the good sources"] == 40 + added
    name = "sources agreeing 80%, nothing checked"
    assert size[name] == 20 + added
    assert size["a filter"] == agrees.sum() + added
    filtered = np.concatenate([x[agrees], checked.x])
    np.testing.assert_array_equal(found["a filter"].data[0], filtered)
    weights = weighting(found["the commentary's weights"].data[0]).numpy()
    assert weights[60:].min() == weights.max() and (weights[2:60:3] < 1e-3).all()
    assert [one.name for one in found.values() if one.commentary] == [
        "the commentary's weights"
    ]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"steps": (20, 10)}, "must ascend"),
        ({"steps": 0}, "must ascend"),
        ({"seeds": 0}, "at least one"),
        ({"conditions": []}, "at least one"),
        ({"conditions": [Condition("read")]}, "'read' has no data"),
    ],
)
def test_wrong_arguments_are_refused_before_training(change, message, digits):
    plain = [Condition("plain", data=digits.train)]
    given = {"conditions": plain, "steps": 10, "seeds": 1, **change}
    with pytest.raises(ValueError, match=message):
        evaluate(make_student(), test=digits.test, batch_size=8, **given)
    with pytest.raises(ValueError, match="must be one of ours, plain"):
        Condition("it", role="mine")


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A user's own, which has no config."""

    def __call__(self, step):
        return 0.01


def test_an_optimizer_in_use_starts_anew_with_its_own_schedule(digits):
    student = make_student(optimizer=keras.optimizers.Adam(Schedule()))
    arguments = [Condition("plain", data=digits.train)], digits.test, 2, 1, 32
    first = evaluate(student, *arguments)
    assert int(student.optimizer.iterations) == 2
    again = evaluate(student, *arguments)
    for metric in "loss", "accuracy":
        scores = [found.score("plain", metric=metric) for found in (first, again)]
        assert scores[0].values == scores[1].values


def test_students_taught_one_after_another_are_as_each_alone(digits, monkeypatch):
    weighting = GroupWeighting(["Bern", "Rome"], curriculum=True)
    # Rome's count at first, and Bern's at last.
    weighting.logits["group"].assign([[[-9.0, 0, 0, 0, 18]], [[9.0, 0, 0, 0, -18]]])
    sources = np.where(digits.train.y % 2, "Bern", "Rome")
    x = weighting.add_groups(digits.train.x, sources)
    conditions = [Condition("taught", data=(x, digits.train.y), commentary=weighting)]
    test = weighting.add_groups(digits.test.x, ["Rome"] * len(digits.test.y))
    made = []
    make = keras.Model.make_train_function

    def counted(self, force=False):
        made.append(force)
        return make(self, force)

    monkeypatch.setattr(keras.Model, "make_train_function", counted)
    student = make_student()
    own = student.train_step, student.test_step

    def losses(seeds):
        found = evaluate(student, conditions, (test, digits.test.y), 6, seeds, 8)
        assert (student.train_step, student.test_step) == own
        return found.score("taught", metric="loss").values

    assert losses([3, 4]) == (*losses([3]), *losses([4]))
    assert len(made) == 3
