"""Learning while a user's model is fitted."""

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_linear, make_student

from tfcommentaries import (
    ExampleWeighting,
    GroupWeighting,
    ImplicitTraining,
    LearnCommentaryCallback,
    UnrolledTraining,
    teachers,
)


@pytest.fixture
def data(digits, noisy_digits):
    x, y, _ = noisy_digits
    validation = digits.validation.x.reshape(300, -1), digits.validation.y
    return (x.reshape(len(x), -1), y), validation


def table(size):
    return ExampleWeighting(teachers.Table(size), teacher_key="id", student_key="x")


def with_ids(x, y):
    return {"id": np.arange(len(y)), "x": x}, y


def test_learns_to_mistrust_wrong_labels(data, noisy_digits):
    train, validation = data
    weighting = table(len(train[1]))
    model = make_student((64,), units=64)
    learn = LearnCommentaryCallback(
        weighting,
        with_ids(*validation),
        optimizer=keras.optimizers.Adam(0.3),
        warmup=32,
    )
    history = model.fit(
        *with_ids(*train), batch_size=32, epochs=12, callbacks=[learn], verbose=0
    ).history
    assert history["outer_loss"][-1] < history["outer_loss"][1]
    assert history["hypergradient_norm"][-1] > 0
    weights = weighting(with_ids(*train)[0]).numpy()
    corrupted = noisy_digits[2]
    assert weights[corrupted].mean() < 0.7 * weights[~corrupted].mean()


def test_learns_after_the_warmup_and_every_so_often(data):
    train, validation = data
    weighting = ExampleWeighting(num_classes=10)
    learn = LearnCommentaryCallback(weighting, validation, every=3, warmup=4)
    model = make_student((64,))
    model.fit(train[0][:320], train[1][:320], callbacks=[learn], verbose=0)
    # Of ten steps, those numbered 4 and 7.
    assert int(learn.optimizer.iterations) == 2
    assert "make_train_function" not in vars(model)


def test_the_outer_gradient_is_that_of_the_implicit_layer(data):
    (x, y), validation = data
    x, y = x[:32], y[:32]
    weighting = ExampleWeighting(num_classes=10)
    weighting(x, y=y)
    for variable in weighting.trainable_variables:
        variable.assign(tf.random.normal(variable.shape, stddev=0.3))
    before = [np.array(v) for v in weighting.trainable_variables]
    model = make_student((64,), optimizer=keras.optimizers.SGD(0.0))
    learn = LearnCommentaryCallback(
        weighting,
        validation,
        ImplicitTraining(solver="identity"),
        keras.optimizers.SGD(1.0),
        validation_batch_size=300,
    )
    model.fit(x, y, batch_size=32, callbacks=[learn], verbose=0)
    moved = [b - np.array(v) for b, v in zip(before, weighting.trainable_variables)]
    # -v . d/dphi grad L_inner by central differences along the moved direction;
    # batch normalisation's statistics have moved by the one step.
    direction = [
        m / np.linalg.norm(np.concatenate([n.ravel() for n in moved])) for m in moved
    ]

    def inner_gradient(sign):
        for variable, b, d in zip(weighting.trainable_variables, before, direction):
            variable.assign(b + sign * 1e-2 * d)
        _, _, w = weighting.teach(x, y)
        with tf.GradientTape() as tape:
            loss = model.compute_loss(
                y=y, y_pred=model(x, training=True), sample_weight=w
            )
        values = [v.value for v in model.trainable_variables]
        return tape.gradient(loss, values)

    with tf.GradientTape() as tape:
        loss = model.compute_loss(y=validation[1], y_pred=model(validation[0]))
    v = tape.gradient(loss, [w.value for w in model.trainable_variables])
    up, down = inner_gradient(1), inner_gradient(-1)
    slope = -sum(
        float(tf.reduce_sum(a * (b - c))) / 2e-2 for a, b, c in zip(v, up, down)
    )
    found = sum(float((m * d).sum()) for m, d in zip(moved, direction))
    assert found == pytest.approx(slope, rel=2e-2)


def test_warns_when_all_weights_have_become_alike(data):
    train, validation = data
    learn = LearnCommentaryCallback(
        ExampleWeighting(num_classes=10, normalize=None),
        validation,
        optimizer=keras.optimizers.Adam(1.0),
        # Longer than an epoch, in which there is nothing to warn of.
        warmup=40,
    )
    model = make_student((64,), units=64)
    with pytest.warns(UserWarning, match="saturated") as caught:
        history = model.fit(
            *train, batch_size=32, epochs=4, callbacks=[learn], verbose=0
        ).history
    assert len([w for w in caught if "saturated" in str(w.message)]) == 1
    assert history["annotation_max"][-1] - history["annotation_min"][-1] < 0.01
    low, mean, high = (history[f"annotation_{n}"][1] for n in ("min", "mean", "max"))
    assert 0 <= low <= mean <= high <= 1


def test_refuses_an_unrolled_training(data):
    with pytest.raises(TypeError, match="needs an ImplicitTraining"):
        LearnCommentaryCallback(ExampleWeighting(), data[1], UnrolledTraining())


def test_wrong_numbers_are_named(data):
    with pytest.raises(ValueError, match="every=0"):
        LearnCommentaryCallback(ExampleWeighting(), data[1], every=0)


def test_wrong_validation_data_are_named():
    wrong = np.zeros((4, 64), "float32"), np.full(4, 12)
    with pytest.raises(ValueError, match="10 classes but got label 12"):
        LearnCommentaryCallback(ExampleWeighting(num_classes=10), wrong)


def test_several_losses_need_an_outer_one(data):
    a = keras.Input((64,))
    model = keras.Model(a, [keras.layers.Dense(1)(a), keras.layers.Dense(1)(a)])
    model.compile("sgd", ["mse", "mse"])
    learn = LearnCommentaryCallback(ExampleWeighting(), data[1])
    with pytest.raises(ValueError, match="pass `loss=`"):
        model.fit(data[0][0], [data[0][1]] * 2, callbacks=[learn], verbose=0)


def test_each_model_is_measured_by_its_own_loss(vectors):
    x, y = vectors
    source = np.arange(len(y)) % 2
    weighting = GroupWeighting(source)
    learn = LearnCommentaryCallback(weighting, (x, y), warmup=0)
    classes, numbers = make_linear((5,), 3), make_linear((5,), 1)
    numbers.compile("sgd", "mse")
    for model in classes, numbers:
        learn.reset_state()
        fit = model.fit(weighting.add_groups(x, source), y, callbacks=[learn])
        loss = model.evaluate(x, y, verbose=0)
        np.testing.assert_allclose(fit.history["outer_loss"], [loss], rtol=1e-5)


def test_a_kept_solution_goes_on_with_the_model_and_starts_anew_with_another(vectors):
    x, y = vectors
    source = np.arange(len(y)) % 2
    weighting = GroupWeighting(source)
    training = ImplicitTraining(solver="warm", products="finite_difference")
    learn = LearnCommentaryCallback(weighting, (x, y), training, warmup=0)
    grouped = weighting.add_groups(x, source)
    model, other = make_linear((5,), 3), make_linear((5,), 3)

    def norm(model):
        fit = model.fit(grouped, y, 12, callbacks=[learn], verbose=0)
        return fit.history["hypergradient_norm"][0]

    assert norm(model) == 0  # The solution of before a step, which was zero.
    assert norm(model) > 0
    assert norm(other) == 0


def interrupted(data, directory, stop=None, **options):
    """A `fit` of four epochs that Keras can go on with; gives the groups' logits."""
    keras.utils.set_random_seed(0)
    (x, y), validation = data
    source = np.array(["a", "b"] * (len(y) // 2))
    weighting = GroupWeighting(source)
    learn = LearnCommentaryCallback(
        weighting, validation, warmup=0, validation_batch_size=100, **options
    )

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == stop:
                raise KeyboardInterrupt

    callbacks = [learn, keras.callbacks.BackupAndRestore(directory), Stop()]
    fit = make_student((64,)).fit
    grouped = weighting.add_groups(x, source)
    fit(grouped, y, 64, epochs=4, shuffle=False, callbacks=callbacks, verbose=0)
    return weighting.logits["group"].numpy()


def first_examples(data):
    (x, y), validation = data
    return (x[:256], y[:256]), validation


@pytest.mark.parametrize("solver", ["identity", "warm"])
def test_goes_on_after_an_interruption_with_what_it_had_learned(data, tmp_path, solver):
    data = first_examples(data)
    training = ImplicitTraining(solver=solver, products="finite_difference")
    options = {"inner_training": training}
    expected = interrupted(data, tmp_path / "whole", **options)
    options["checkpoint_dir"] = tmp_path / "commentary"
    with pytest.raises(KeyboardInterrupt):
        interrupted(data, tmp_path / "model", stop=1, **options)
    found = interrupted(data, tmp_path / "model", **options)
    np.testing.assert_array_equal(found, expected)


def test_going_on_without_what_was_learned_is_said(data, tmp_path):
    data = first_examples(data)
    with pytest.raises(KeyboardInterrupt):
        interrupted(data, tmp_path / "model", stop=1)
    shutil.copytree(tmp_path / "model", tmp_path / "other")
    with pytest.warns(UserWarning, match="resumes at epoch 2, but the commentary"):
        interrupted(data, tmp_path / "model")
    with pytest.raises(ValueError, match="no checkpoint after 2 epochs"):
        interrupted(data, tmp_path / "other", checkpoint_dir=tmp_path / "empty")
