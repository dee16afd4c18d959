"""Learning to learn from few examples."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_student

from tfcommentaries import ExampleWeighting, FewShotLearner, LossWeighting
from tfcommentaries.datasets import episodes


def make_learner(commentary=None, shape=(8, 8, 1), classes=2, **options):
    learner = FewShotLearner(make_student(shape, classes), commentary, **options)
    learner.compile(keras.optimizers.Adam(1e-2))
    return learner


@pytest.mark.parametrize("learn_rates", [False, True])
def test_gradient_agrees_with_differences(float64, learn_rates):
    generator = np.random.default_rng(0)
    support = generator.normal(size=(6, 4)), np.arange(6) % 3
    query = generator.normal(size=(9, 4)), np.arange(9) % 3
    task = tf.nest.map_structure(tf.constant, (support, query))
    weighting = ExampleWeighting(num_classes=3, dtype="float64")
    learner = make_learner(weighting, (4,), 3, inner_steps=2, learn_rates=learn_rates)
    learner._build(task)
    for variable in weighting.trainable_variables:
        variable.assign(0.3 * generator.normal(size=variable.shape))
    values = [tf.convert_to_tensor(v) for v in learner.learned_variables]

    @tf.function(autograph=False)
    def loss_of(values):
        return learner._try_task(*learner._split(values), task)[0]

    with tf.GradientTape() as tape:
        tape.watch(values)
        loss = loss_of(values)
    for i, gradient in enumerate(tape.gradient(loss, values)):
        direction = generator.normal(size=values[i].shape)
        up, down = (
            loss_of([*values[:i], values[i] + h * direction, *values[i + 1 :]])
            for h in (1e-6, -1e-6)
        )
        expected = float(up - down) / 2e-6
        found = float(tf.reduce_sum(gradient * direction))
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-8)


@pytest.mark.parametrize(
    "options", [{}, {"learn_rates": True}, {"first_order": True}, {"commentary": True}]
)
def test_learns_to_tell_unseen_digits_from_few(digits, options):
    options = dict(options)
    if options.pop("commentary", False):
        options["commentary"] = ExampleWeighting()
    x, y = digits.train
    seen = y < 7
    tasks = episodes(x[seen], y[seen], ways=2, shots=2, queries=5)
    unseen = episodes(x[~seen], y[~seen], ways=2, shots=2, queries=5, seed=1)
    learner = make_learner(inner_steps=3, **options)
    before = learner.evaluate_tasks(unseen, 50)
    learner.fit(tasks.batch(4), steps_per_epoch=60, epochs=1, verbose=0)
    after = learner.evaluate_tasks(unseen, 50)
    assert after["accuracy"] > before["accuracy"] + after["interval"]
    assert after["tasks"] == 50
    if learner.commentary is not None:
        weights = learner.commentary(x[:8]).numpy()
        assert np.ptp(weights) > 1e-4


def test_a_frozen_commentary_teaches_and_stays_as_it_is(digits):
    tasks = episodes(*digits.train, ways=2, shots=2, queries=2).batch(2)
    found = {}
    for name in ("frozen", "learned"):
        keras.utils.set_random_seed(0)
        weighting = ExampleWeighting()
        weighting(digits.train.x[:2])
        before = [v.numpy() for v in weighting.trainable_variables]
        learner = make_learner(weighting, inner_steps=2)
        weighting.trainable = name == "learned"
        history = learner.fit(tasks, steps_per_epoch=1, verbose=0).history
        same = [np.array_equal(a, b) for a, b in zip(weighting.variables, before)]
        assert all(same) == (name == "frozen")
        found[name] = history["loss"][0]
    assert found["frozen"] == pytest.approx(found["learned"], rel=1e-5)


def test_an_adapted_student_knows_its_support_examples(digits):
    x, y = digits.train
    (x, y), _ = next(iter(episodes(x, y, ways=2, shots=5, queries=1)))
    learner = make_learner(inner_steps=20, inner_rate=0.5)
    student = learner.adapt(x, y)
    outputs = student(x, training=True).numpy()
    np.testing.assert_array_equal(outputs.argmax(-1), y)
    # The initial weights are kept.
    first = learner.student.model.trainable_variables[0]
    assert not np.array_equal(student.trainable_variables[0], first)


def test_refuses_what_does_not_fit(digits):
    x, y = digits.train
    tasks = episodes(x, y, ways=3, shots=1, queries=2)
    with pytest.raises(ValueError, match="Make it for 3 classes"):
        make_learner().fit(tasks.batch(2), steps_per_epoch=1, verbose=0)
    with pytest.raises(ValueError, match="A task must be"):
        make_learner().fit(tf.data.Dataset.from_tensors((x, y)).batch(1))
    with pytest.raises(ValueError, match="student's losses"):
        make_learner(LossWeighting())
    with pytest.raises(ValueError, match="`inner_steps` must be"):
        make_learner(inner_steps=0)


def test_fit_again_trains_what_is_trainable_by_then(digits):
    tasks = episodes(*digits.train, ways=2, shots=1, queries=2).batch(2)
    learner, rated = make_learner(), make_learner(learn_rates=True)
    dense = next(la for la in learner.student.model.layers if la.weights)

    def change():
        before = [v.numpy() for v in dense.variables]
        learner.fit(tasks, steps_per_epoch=2, verbose=0)
        return max(abs(b - v.numpy()).max() for b, v in zip(before, dense.variables))

    assert change() > 0
    made = learner.train_function
    assert change() > 0 and learner.train_function is made
    dense.trainable = False
    assert change() == 0
    rated.fit(tasks, steps_per_epoch=1, verbose=0)
    rated.student.model.layers[-1].trainable = False
    with pytest.raises(ValueError, match="for 5 weights .* 3 are trainable now"):
        rated.fit(tasks, steps_per_epoch=1, verbose=0)
