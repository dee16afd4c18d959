"""Teaching inside model.fit."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_student

from tfcommentaries import CommentaryCallback, ExampleWeighting, LossWeighting
from tfcommentaries.commentaries import ConstantWeighting


class ProgressWeighting(ExampleWeighting):
    """Weights that are the progress, so that a test can see it."""

    uses_progress = True

    def __init__(self):
        super().__init__(keras.layers.Flatten(), normalize=None)

    def call(self, x, y=None, progress=None):
        return tf.fill([tf.shape(x)[0]], tf.cast(progress, tf.float32))


class Recorder(keras.callbacks.Callback):
    """Collects the sample weights that a model was trained with."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def train_step(self, original):
        def step(data):
            weight = keras.utils.unpack_x_y_sample_weight(data)[2]
            tf.py_function(lambda w: self.seen.append(w.numpy()), [weight], [])
            return original(data)

        return step


def recording_student(**options):
    model = make_student((5,), 3, **options)
    recorder = Recorder()
    model.train_step = recorder.train_step(model.train_step)
    return model, recorder.seen


@pytest.fixture
def odd_weighting(vectors):
    """A weighting with weights that differ."""
    weighting = ExampleWeighting()
    weighting(vectors[0])
    for variable in weighting.trainable_variables:
        variable.assign(np.random.default_rng(0).normal(size=variable.shape))
    return weighting


def fit(model, vectors, *callbacks, **options):
    x, y = vectors
    options = {"batch_size": 4, "epochs": 2, "verbose": 0, "shuffle": False, **options}
    return model.fit(x, y, callbacks=list(callbacks), **options)


def test_equals_giving_the_weights_to_fit(vectors, odd_weighting):
    x, y = vectors
    batches = [slice(i, i + 4) for i in (0, 4, 8)]
    weights = np.concatenate([odd_weighting.teach(x[b], y[b])[2] for b in batches])
    taught, weighted = make_student((5,), 3), make_student((5,), 3)
    weighted.set_weights(taught.get_weights())
    found = fit(taught, vectors, CommentaryCallback(odd_weighting)).history
    expected = fit(weighted, vectors, sample_weight=weights).history
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-5)
    for a, b in zip(taught.get_weights(), weighted.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", [ExampleWeighting, LossWeighting])
def test_two_devices_are_taught_as_one(kind, vectors, mirrored):
    weighting = kind()
    if kind is LossWeighting:
        weighting(np.zeros(1, "float32"))
    else:
        weighting(vectors[0])
    for variable in weighting.trainable_variables:
        variable.assign(np.random.default_rng(0).normal(size=variable.shape))
    if kind is ExampleWeighting:
        halves = np.split(weighting(vectors[0][:4]), 2)
        assert abs(halves[0].mean() - halves[1].mean()) > 0.05
    found = []
    for strategy in (tf.distribute.get_strategy(), mirrored):
        with strategy.scope():
            model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(keras.optimizers.SGD(1.0), loss)
        generator = np.random.default_rng(1)
        model.set_weights([generator.normal(size=w.shape) for w in model.get_weights()])
        fit(model, vectors, CommentaryCallback(weighting))
        assert "compute_loss" not in vars(model)
        found.append(model.get_weights())
    for a, b in zip(*found):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_given_sample_weights_are_multiplied(vectors):
    model, seen = recording_student()
    given = np.arange(12.0)
    callback = CommentaryCallback(ConstantWeighting(0.5))
    fit(model, vectors, callback, sample_weight=given, epochs=1)
    np.testing.assert_allclose(np.concatenate(seen), given / 2)


@pytest.mark.parametrize("steps_per_execution", [1, 2, 3])
def test_progress_goes_from_zero_to_one(vectors, steps_per_execution):
    model, seen = recording_student(steps_per_execution=steps_per_execution)
    fit(model, vectors, CommentaryCallback(ProgressWeighting()))
    np.testing.assert_allclose([w[0] for w in seen], np.arange(6) / 6, rtol=1e-6)


def test_progress_goes_on_where_training_goes_on(vectors):
    model, seen = recording_student()
    fit(model, vectors, CommentaryCallback(ProgressWeighting()), initial_epoch=1)
    np.testing.assert_allclose([w[0] for w in seen], [0.5, 4 / 6, 5 / 6], rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"progress": "clip", "learned_steps": 2}, [0, 0.5, 1, 1, 1, 1]),
        ({"total_steps": 12}, np.arange(6) / 12),
        ({"progress": lambda step: 0.25}, [0.25] * 6),
    ],
)
def test_progress_schedules(vectors, options, expected):
    model, seen = recording_student()
    fit(model, vectors, CommentaryCallback(ProgressWeighting(), **options))
    np.testing.assert_allclose([w[0] for w in seen], expected, rtol=1e-6)


def test_the_model_is_as_it_was_afterwards(vectors, odd_weighting):
    model = make_student((5,), 3)
    before = set(vars(model))
    fit(model, vectors, CommentaryCallback(odd_weighting))
    added = set(vars(model)) - before
    assert not {"train_step", "make_train_function"} & added
    assert model.train_function is None


def test_a_fit_before_or_after_is_not_taught(vectors):
    model, seen = recording_student()
    callback = CommentaryCallback(ConstantWeighting(0.5))
    given = np.ones(12)
    for callbacks in ([], [callback], [], [callback]):
        fit(model, vectors, *callbacks, sample_weight=given, epochs=1)
    means = np.array(seen).reshape(4, -1).mean(1)
    np.testing.assert_allclose(means, [1, 0.5, 1, 0.5])


def test_an_interrupted_fit_does_not_teach_the_next(vectors):
    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    model, seen = recording_student()
    callback = CommentaryCallback(ConstantWeighting(0.5))
    given = np.ones(12)
    with pytest.raises(KeyboardInterrupt):
        fit(model, vectors, callback, Interrupt(), sample_weight=given)
    seen.clear()
    fit(model, vectors, sample_weight=given, epochs=1)
    np.testing.assert_allclose(np.concatenate(seen), np.ones(12))
    assert "make_train_function" not in vars(model)


def test_validation_data_are_not_taught(vectors):
    model = make_student((5,), 3)
    callback = CommentaryCallback(ConstantWeighting(0.0))
    history = fit(model, vectors, callback, validation_data=vectors).history
    assert history["loss"][0] == 0
    assert history["val_loss"][0] > 0.1


def test_a_train_step_of_the_users_own_is_kept(vectors):
    class Doubling(keras.Sequential):
        def train_step(self, data):
            logs = super().train_step(data)
            return {**logs, "mine": tf.constant(3.0)}

    model = Doubling([keras.Input((5,)), keras.layers.Dense(3)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(True))
    history = fit(model, vectors, CommentaryCallback(ConstantWeighting(1.0))).history
    assert history["mine"] == [3.0, 3.0]


def test_mixed_precision(vectors, odd_weighting, mixed_float16):
    model = make_student((5,), 3)
    history = fit(model, vectors, CommentaryCallback(odd_weighting)).history
    assert np.isfinite(history["loss"]).all()


def test_a_data_set_of_unknown_length_is_named(vectors):
    dataset = tf.data.Dataset.from_tensor_slices(vectors).batch(4)
    dataset = dataset.filter(lambda x, y: True)
    model = make_student((5,), 3)
    with pytest.raises(ValueError, match=r"does not know its length.*total_steps"):
        model.fit(
            dataset, callbacks=[CommentaryCallback(ProgressWeighting())], verbose=0
        )
    model.fit(
        dataset,
        callbacks=[CommentaryCallback(ProgressWeighting(), total_steps=3)],
        verbose=0,
    )


def test_refuses_what_is_no_commentary():
    with pytest.raises(TypeError, match="path of an exported one"):
        CommentaryCallback(3)


def test_refuses_an_unknown_schedule(vectors):
    callback = CommentaryCallback(ProgressWeighting(), progress="fast")
    with pytest.raises(ValueError, match="'stretch', 'clip' or a function"):
        fit(make_student((5,), 3), vectors, callback)


def test_clip_needs_the_learned_steps(vectors):
    callback = CommentaryCallback(ProgressWeighting(), progress="clip")
    with pytest.raises(ValueError, match="Pass `learned_steps=`"):
        fit(make_student((5,), 3), vectors, callback)


class Interfering(keras.callbacks.Callback):
    """Does something to the model after the first batch."""

    def __init__(self, interfere):
        super().__init__()
        self.interfere = interfere

    def on_train_batch_end(self, batch, logs=None):
        if batch == 0:
            self.interfere(self.model)


def test_a_training_that_is_not_taught_to_its_end_is_stopped(vectors):
    def compile_again(model):
        model.compile("sgd", model.loss)
        model.make_train_function()

    for interfere in (compile_again, lambda model: model.train_on_batch(*vectors)):
        model = make_student((5,), 3)
        callbacks = [CommentaryCallback(ConstantWeighting(0.5)), Interfering(interfere)]
        with pytest.raises(RuntimeError, match=r"of 3 training steps were not taught"):
            model.fit(*vectors, batch_size=4, callbacks=callbacks, verbose=0)
        model.fit(*vectors, verbose=0)


def test_two_callbacks_are_refused(vectors):
    callbacks = [CommentaryCallback(ConstantWeighting(0.5)) for _ in range(2)]
    with pytest.raises(ValueError, match="a `Composition` of the commentaries"):
        make_student((5,), 3).fit(*vectors, callbacks=callbacks, verbose=0)


def test_a_train_step_without_weights_is_named(vectors):
    class Unweighted(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
            with tf.GradientTape() as tape:
                loss = self.compute_loss(y=y, y_pred=self(x))
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply(gradients, self.trainable_variables)
            return {"loss": loss}

    model = Unweighted()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    callback = CommentaryCallback(ConstantWeighting(0.5))
    with pytest.raises(ValueError, match="does not use sample weights"):
        model.fit(*vectors, callbacks=[callback], verbose=0)
