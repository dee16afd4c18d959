"""Learning inside of XLA."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_linear, make_student

from tfcommentaries import (
    CommentaryLearner,
    Composition,
    ExampleWeighting,
    FewShotLearner,
    GroupWeighting,
    LearnCommentaryCallback,
    NonFiniteHypergradientError,
    teachers,
)
from tfcommentaries.datasets import episodes


def learn(data, jit_compile, student=None, **options):
    keras.utils.set_random_seed(0)
    weighting = ExampleWeighting(num_classes=10)
    learner = CommentaryLearner(
        weighting,
        student or make_linear(),
        inner_steps=3,
        student_initialization="fixed",
        **options,
    )
    learner.compile(keras.optimizers.SGD(0.1), jit_compile=jit_compile)
    history = learner.fit(*data, batch_size=8, steps_per_epoch=2, verbose=0).history
    return history, [np.array(v) for v in weighting.variables]


@pytest.fixture
def data(digits):
    train, validation = digits.train, digits.validation
    return tuple((s.x[:64].reshape(64, -1), s.y[:64]) for s in (train, validation))


def test_several_students_learn_the_same(data):
    # With batch normalisation, whose statistics are each student's own.
    student = make_student((64,), units=4)
    plain, values = learn(data, False, student, students_per_step=2)
    compiled, same = learn(data, True, student, students_per_step=2)
    assert plain["hypergradient_norm"][0] > 0
    for name, value in plain.items():
        np.testing.assert_allclose(compiled[name], value, rtol=1e-4)
    for one, other in zip(values, same):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-6)


def test_stops_at_a_hypergradient_that_is_not_finite(data):
    student = make_linear()
    student.compile(keras.optimizers.SGD(1e30), student.loss)
    weighting = ExampleWeighting(num_classes=10)
    weighting.teach(*map(tf.constant, (data[0][0][:2], data[0][1][:2])), None, 0.0)
    before = [np.array(v) for v in weighting.variables]
    learner = CommentaryLearner(weighting, student, inner_steps=3)
    learner.compile(jit_compile=True)
    with pytest.raises(NonFiniteHypergradientError, match="before outer step 0"):
        learner.fit(*data, steps_per_epoch=2, verbose=0)
    for old, new in zip(before, weighting.variables):
        np.testing.assert_array_equal(old, new)
    assert all(np.isfinite(np.array(v)).all() for v in learner.optimizer.variables)


def test_few_shots(digits):
    histories = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(0)
        learner = FewShotLearner(make_student(num_classes=2, units=4), inner_steps=2)
        learner.compile("sgd", jit_compile=jit_compile)
        tasks = episodes(*digits.train, ways=2, shots=2, queries=3)
        tasks = tasks.batch(2, drop_remainder=True)
        histories.append(learner.fit(tasks, steps_per_epoch=2, verbose=0).history)
    plain, compiled = histories
    for name, value in plain.items():
        np.testing.assert_allclose(compiled[name], value, rtol=1e-4)


def test_inside_fit(data):
    train, validation = data
    found = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(0)
        weighting = ExampleWeighting(
            teachers.Table(64), teacher_key="id", student_key="x"
        )
        model = make_student((64,), units=4, jit_compile=jit_compile)
        callback = LearnCommentaryCallback(
            weighting,
            ({"id": np.arange(64), "x": validation[0]}, validation[1]),
            warmup=1,
        )
        x = {"id": np.arange(64), "x": train[0]}
        logs = model.fit(x, train[1], callbacks=[callback], verbose=0, shuffle=False)
        found.append((logs.history, np.array(weighting.trainable_variables[0])))
    (plain, values), (compiled, same) = found
    assert np.ptp(values) > 0
    for name, value in plain.items():
        np.testing.assert_allclose(compiled[name], value, rtol=1e-3)
    np.testing.assert_allclose(same, values, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("composed", [False, True])
def test_groups_are_learned_the_same(data, composed):
    (x, y), validation = data
    source = np.array(["ann", "bob"])[np.arange(64) % 2]
    logits = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(0)
        weighting = commentary = GroupWeighting(source)
        if composed:
            commentary = Composition([weighting, ExampleWeighting(num_classes=10)])
        learner = CommentaryLearner(commentary, make_linear(), inner_steps=2)
        learner.compile("sgd", jit_compile=jit_compile)
        assert learner.jit_compile is jit_compile
        grouped = commentary.add_groups(x, source)
        learner.fit(
            grouped, y, validation_data=validation, steps_per_epoch=2, verbose=0
        )
        logits.append(np.array(weighting.logits["group"]))
    assert np.ptp(logits[0]) > 0
    np.testing.assert_allclose(logits[1], logits[0], rtol=1e-4)


def resizing(interpolation):
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(16),
            keras.layers.Reshape((4, 4, 1)),
            keras.layers.Resizing(2, 2, interpolation, name="smaller"),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ]
    )
    model.compile("sgd", make_linear().loss)
    return model


def test_what_fails_to_compile_unsaid_is_named(data):
    expected = r"'smaller' \(Resizing\) .*cannot compile \(ResizeBicubic.*jit_compile=F"
    with pytest.raises(ValueError, match=expected) as raised:
        learn(data, True, resizing("bicubic"))
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("make", [CommentaryLearner, FewShotLearner])
def test_by_default_keras_decides(make, monkeypatch):
    def compiles(devices, supported=True, commentary=True, **options):
        found = [tf.config.PhysicalDevice("one", kind) for kind in devices]
        with monkeypatch.context() as patch:
            patch.setattr(tf.config, "list_physical_devices", lambda *kind: found)
            student = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
            student.layers[0].supports_jit = supported
            student.compile(loss="mse", **options)
            weighting = ExampleWeighting(num_classes=10)
            weighting.supports_jit = commentary
            learner = make(commentary=weighting, student=student)
            learner.compile()
            return learner.jit_compile

    assert compiles(["CPU", "GPU"])
    assert not compiles(["CPU"])
    assert not compiles(["CPU"], jit_compile=True)
    assert not compiles(["CPU", "GPU"], supported=False)
    assert not compiles(["CPU", "GPU"], commentary=False)
    assert not compiles(["CPU", "GPU"], jit_compile=False)
    one = tf.distribute.OneDeviceStrategy("CPU:0")
    with one.scope():
        assert not compiles(["CPU", "GPU"])


def test_by_default_attention_does_not_compile_on_a_cpu():
    words = keras.Input((3, 4))
    student = keras.Model(words, keras.layers.MultiHeadAttention(1, 2)(words, words))
    student.compile(loss="mse")
    learner = CommentaryLearner(ExampleWeighting(num_classes=10), student)
    learner.compile()
    assert not learner.jit_compile


def test_what_keras_says_does_not_compile_but_does(data):
    recurrent = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Reshape((2, 32)),
            keras.layers.LSTM(3),
            keras.layers.Dense(10),
        ]
    )
    recurrent.compile("sgd", make_linear().loss)
    plain, _ = learn(data, False, recurrent)
    compiled, _ = learn(data, True, recurrent)
    for name, value in plain.items():
        np.testing.assert_allclose(compiled[name], value, rtol=1e-3, atol=1e-6)
