"""Learning a commentary: that it learns, resumes, and stops in time."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_linear, make_student

from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    ImplicitTraining,
    NonFiniteHypergradientError,
    UnrolledTraining,
    teachers,
)


def make_learner(student=None, outer=None, **options):
    options = {"inner_steps": 4, **options}
    commentary = ExampleWeighting(teachers.mlp((74,), units=(16,)), num_classes=10)
    learner = CommentaryLearner(commentary, student or make_linear(), **options)
    learner.compile(outer or keras.optimizers.Adam(0.01), metrics=["accuracy"])
    return learner


@pytest.fixture
def data(digits, noisy_digits):
    """Flat noisy training and clean validation digits."""
    x, y, _ = noisy_digits
    train = x.reshape(len(x), -1), y
    validation = digits.validation.x.reshape(300, -1), digits.validation.y
    return train, validation


def test_learns_to_mistrust_wrong_labels(data, noisy_digits):
    train, validation = data
    learner = make_learner(make_student((64,)), inner_steps=30)
    history = learner.fit(
        train, validation, batch_size=32, epochs=2, steps_per_epoch=30, verbose=0
    ).history
    assert history["loss"][-1] < history["loss"][0]
    weights = learner.commentary(train[0], y=train[1]).numpy()
    corrupted = noisy_digits[2]
    assert weights[corrupted].mean() < 0.7 * weights[~corrupted].mean()


def test_one_outer_step_descends_the_hypergradient(data):
    train, validation = data
    x, y = train[0][:32], train[1][:32]
    model = make_student((64,))
    model.compile(model.optimizer, model.loss, loss_weights=[0.5])
    learner = make_learner(
        model, keras.optimizers.SGD(0.1), student_initialization="fixed"
    )
    dataset = tf.data.Dataset.from_tensors((x, y))
    learner.commentary(x, y=y)
    variables = learner.commentary.trainable_variables
    for variable in variables:
        variable.assign(tf.random.normal(variable.shape, stddev=0.3))
    phi = [tf.convert_to_tensor(v) for v in variables]
    student = learner.student
    student.build(x, y)
    layer = UnrolledTraining().bind(learner.commentary, student)
    with tf.GradientTape() as tape:
        tape.watch(phi)
        batches = tf.repeat(x[None], 4, 0), tf.repeat(y[None], 4, 0)
        weights = layer(phi, student.weights, batches)
        loss, _ = student.loss(weights, *validation)
    expected = [p - 0.1 * g for p, g in zip(phi, tape.gradient(loss, phi))]
    logs = learner.fit(dataset, validation, steps_per_epoch=1, verbose=0).history
    np.testing.assert_allclose(logs["loss"][0], loss, rtol=1e-5)
    for variable, value in zip(variables, expected):
        np.testing.assert_allclose(variable, value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "training, mode",
    [(UnrolledTraining(), "fixed"), (ImplicitTraining(), "continue")],
    ids=["unrolled", "implicit"],
)
def test_frozen_layers_of_a_teacher_stay_and_the_others_learn_as_ever(
    data, training, mode
):
    def learn(frozen):
        keras.utils.set_random_seed(0)
        learner = make_learner(
            outer=keras.optimizers.SGD(0.1),
            inner_training=training,
            student_initialization=mode,
        )
        *_, hidden, output = learner.commentary.teacher.layers
        # Zero at first, and with it the gradient of what is below.
        output.kernel.assign(0.3 * tf.random.normal(output.kernel.shape))
        hidden.trainable = not frozen
        before = hidden.kernel.numpy()
        batch = tf.data.Dataset.from_tensors((data[0][0][:32], data[0][1][:32]))
        learner.fit(batch, data[1], steps_per_epoch=1, verbose=0)
        moved = np.abs(hidden.kernel - before).max()
        return moved, [v.numpy() for v in output.variables]

    moved, expected = learn(frozen=False)
    assert moved > 0
    moved, others = learn(frozen=True)
    assert moved == 0
    for value, other in zip(others, expected, strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-5, atol=1e-7)


def test_logs_what_tells_how_learning_goes(data):
    learner = make_learner()
    history = learner.fit(*data, steps_per_epoch=2, verbose=0).history
    assert set(history) == {
        "loss",
        "accuracy",
        "hypergradient_norm",
        "annotation_mean",
        "annotation_min",
        "annotation_max",
    }
    assert 0 < history["annotation_min"][0] <= history["annotation_mean"][0]
    assert history["hypergradient_norm"][0] > 0


def test_the_student_is_not_changed(data):
    student = make_student((64,))
    before = [np.array(v) for v in student.variables]
    make_learner(student).fit(*data, steps_per_epoch=2, verbose=0)
    for old, new in zip(before, student.variables):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    ("mode", "different"), [("fixed", 1), ("fresh", 6), (2, 2), ("continue", 6)]
)
def test_students_start_where_they_should(data, mode, different):
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(
                self.model.initialization.variables.weights.trainable[0].numpy()
            )

    learner = make_learner(student_initialization=mode)
    learner.fit(*data, steps_per_epoch=6, callbacks=[Watch()], verbose=0)
    assert len({w.tobytes() for w in seen}) == different


def test_continuing_trains_one_student_as_keras_does(data, float64):
    (x, y), validation = data
    x, y = x[:96].astype("float64"), y[:96]
    student = make_student((64,), optimizer=keras.optimizers.Adam(3e-3))
    commentary = ExampleWeighting(teachers.mlp((74,), units=(4,)), num_classes=10)
    learner = CommentaryLearner(
        commentary,
        student,
        UnrolledTraining(eps_root=1e-20),
        inner_steps=3,
        student_initialization="continue",
    )
    learner.compile(keras.optimizers.SGD(0.0))
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    outer = tf.data.Dataset.from_tensors(validation)
    learner.fit(dataset, outer, steps_per_epoch=2, epochs=2, verbose=0)
    # Four outer steps of three inner steps, with weights that stay equal.
    student.fit(dataset, epochs=4, verbose=0)
    for ours, kerass in zip(
        learner.initialization.state.weights.trainable, student.trainable_variables
    ):
        np.testing.assert_allclose(ours, kerass, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("mode", ["fresh", "continue"])
def test_learns_by_implicit_differentiation(data, noisy_digits, mode):
    train, validation = data
    commentary = ExampleWeighting(teachers.mlp((74,), units=(16,)), num_classes=10)
    learner = CommentaryLearner(
        commentary,
        make_student((64,), units=64),
        ImplicitTraining(),
        inner_steps=40 if mode == "fresh" else 4,
        student_initialization=mode,
    )
    learner.compile(keras.optimizers.Adam(0.01))
    learner.fit(train, validation, steps_per_epoch=150, verbose=0)
    weights = commentary(train[0], y=train[1]).numpy()
    corrupted = noisy_digits[2]
    assert weights[corrupted].mean() < 0.8 * weights[~corrupted].mean()


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(data, tmp_path):
    def learn(epochs, directory):
        keras.utils.set_random_seed(7)
        learner = make_learner(make_student((64,)), inner_steps=3)
        history = learner.fit(
            *data,
            steps_per_epoch=2,
            epochs=epochs,
            checkpoint_dir=str(tmp_path / directory),
            verbose=0,
        )
        assert history.epoch == list(range(epochs))
        return learner.commentary.trainable_variables, history.history

    whole, history = learn(4, "whole")
    learn(2, "parts")
    resumed, resumed_history = learn(4, "parts")
    again, again_history = learn(4, "parts")  # when there is nothing left to learn
    for a, b, c in zip(whole, resumed, again):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
        np.testing.assert_array_equal(b, c)
    assert again_history == resumed_history
    assert history.keys() == resumed_history.keys()
    for name, values in history.items():
        np.testing.assert_allclose(values, resumed_history[name], rtol=1e-4)


def test_a_checkpoint_of_another_learner_is_refused(data, tmp_path):
    make_learner().fit(*data, steps_per_epoch=1, checkpoint_dir=tmp_path, verbose=0)
    other = make_learner(make_student((64,)))
    with pytest.raises(ValueError, match="is of another commentary, student"):
        other.fit(*data, steps_per_epoch=1, checkpoint_dir=tmp_path, verbose=0)


@pytest.mark.parametrize("name", ["training", "validation"])
def test_a_checkpoint_of_other_data_is_refused(data, tmp_path, name):
    options = {"steps_per_epoch": 1, "checkpoint_dir": tmp_path, "verbose": 0}
    make_learner().fit(*data, **options)
    make_learner().fit(*data, **options)
    changed = {"training": data[0], "validation": data[1]}
    x, y = changed[name]
    changed[name] = x, y[::-1]
    with pytest.raises(ValueError, match=f"The {name} data are not those that the"):
        make_learner().fit(*changed.values(), **options)


def test_stops_at_a_hypergradient_that_is_not_finite(data):
    student = make_linear()
    student.compile(keras.optimizers.SGD(1e30), student.loss)
    learner = make_learner(student)
    learner.commentary(data[0][0], y=data[0][1])
    before = [np.array(v) for v in learner.commentary.variables]
    with pytest.raises(NonFiniteHypergradientError, match=r"not finite.*Use fewer"):
        learner.fit(*data, steps_per_epoch=2, verbose=0)
    for old, new in zip(before, learner.commentary.variables):
        np.testing.assert_array_equal(old, new)


def test_takes_data_sets_with_uneven_batches_and_sample_weights(data):
    (x, y), validation = data
    weight = np.ones(len(y), "float32")
    train = tf.data.Dataset.from_tensor_slices((x, y, weight)).batch(300)
    outer = tf.data.Dataset.from_tensor_slices(validation).batch(64)
    history = make_learner().fit(train, outer, steps_per_epoch=3, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_the_outer_loss_in_inference_mode_is_what_keras_evaluates(data):
    (x, y), validation = data
    x, y, validation = x[:32], y[:32], tuple(part[:100] for part in validation)
    student, other = (
        make_student((64,), optimizer=keras.optimizers.SGD(0.1)) for _ in range(2)
    )
    other.set_weights(student.get_weights())
    learner = make_learner(
        student, student_initialization="fixed", validation_mode="inference"
    )
    batches = tf.data.Dataset.from_tensors((x, y))
    logs = learner.fit(batches, validation, steps_per_epoch=1, verbose=0).history
    # All weights are alike before the first update.
    other.fit(batches, epochs=4, verbose=0)
    expected = other.evaluate(*validation, verbose=0)
    np.testing.assert_allclose([*logs["loss"], *logs["accuracy"]], expected, rtol=1e-5)


def test_a_table_learns_from_ids(data):
    (x, y), validation = data
    commentary = ExampleWeighting(
        teachers.Table(len(y)), teacher_key="id", student_key="x"
    )
    learner = CommentaryLearner(commentary, make_linear(), inner_steps=4)
    learner.compile(keras.optimizers.Adam(0.1))
    inputs = {"id": np.arange(len(y)), "x": x}
    outer = {"id": np.zeros(300, "int64"), "x": validation[0]}, validation[1]
    learner.fit((inputs, y), outer, steps_per_epoch=2, verbose=0)
    moved = np.array(commentary.teacher.logits) != 0
    # Two outer steps of four batches of 32, drawn without repetition.
    assert moved.sum() == 2 * 4 * 32


def test_a_student_that_was_trained_is_said_to_begin_anew(vectors):
    model = make_student((5,), 3)
    model.fit(*vectors, verbose=0)
    commentary = ExampleWeighting(num_classes=3)

    def learn(**options):
        learner = CommentaryLearner(commentary, model, inner_steps=2, **options)
        learner.compile()
        learner.fit(vectors, vectors, steps_per_epoch=1, verbose=0)

    with pytest.warns(UserWarning, match=r"trained or loaded \(.* is not as"):
        learn()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "The student .* has been trained")
        learn(student_initialization="fixed")
