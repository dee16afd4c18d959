"""Progress over several calls of `fit`, and weights without effect."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_linear, make_student

from tfcommentaries import (
    Commentary,
    CommentaryCallback,
    ExampleWeighting,
    LearnCommentaryCallback,
    teach,
)


class Recording(Commentary):
    """Notes the progress at which it is called, in order."""

    uses_progress = True

    def __init__(self):
        super().__init__()
        self.seen = []

    def call(self, x, y=None, progress=None):
        tf.py_function(lambda p: self.seen.append(float(p)), [progress], [])
        return tf.zeros(tf.shape(x)[:1])

    def apply(self, annotation, x, y, sample_weight=None):
        return x, y, sample_weight


@pytest.fixture
def trained(vectors):
    """A function that fits and gives the progress of each step, and the callback."""
    recording, model = Recording(), make_linear((5,), 3)

    def fit(callback, model=model, **options):
        recording.seen.clear()
        options = {"batch_size": 6, "verbose": 0, **options}
        model.fit(*vectors, callbacks=[callback], **options)
        return recording.seen[:]

    return fit, recording


def test_a_loop_of_single_epochs_goes_on(trained):
    fit, recording = trained
    callback = CommentaryCallback(recording, total_steps=8)
    found = [fit(callback, epochs=1) for _ in range(5)]
    np.testing.assert_allclose(
        found, [[0, 1 / 8], [2 / 8, 3 / 8], [4 / 8, 5 / 8], [6 / 8, 7 / 8], [1, 1]]
    )
    callback.reset_state()
    assert fit(callback, epochs=1) == [0, 0.125]
    assert fit(CommentaryCallback(recording, total_steps=8)) == [0, 0.125]


def test_epochs_that_are_numbered_go_on_too(trained):
    fit, recording = trained
    callback = CommentaryCallback(recording)
    assert fit(callback, epochs=2) == [0, 0.25, 0.5, 0.75]
    assert fit(callback, epochs=4, initial_epoch=2) == [0.5, 0.625, 0.75, 0.875]


def test_without_the_number_of_all_steps_progress_stays_at_its_end(trained):
    fit, recording = trained
    callback = CommentaryCallback(recording)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fit(callback) == [0, 0.5]
    with pytest.warns(UserWarning, match="after 2 steps.*Pass `total_steps=`"):
        assert fit(callback) == [1, 1]


def test_another_model_starts_anew(trained):
    fit, recording = trained
    callback = CommentaryCallback(recording, total_steps=8)
    assert fit(callback) == [0, 0.125]
    assert fit(callback, make_linear((5,), 3)) == [0, 0.125]


def test_an_interrupted_fit_that_resumes_at_an_epoch_trains_it_again(trained):
    fit, recording = trained

    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if len(recording.seen) == 3:
                raise KeyboardInterrupt

    callback = CommentaryCallback(recording, total_steps=8)
    model = make_linear((5,), 3)
    x, y = np.zeros((12, 5), "float32"), np.zeros(12, int)
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, 6, 2, 0, callbacks=[callback, Interrupt()])
    assert fit(callback, model, epochs=2, initial_epoch=1) == [0.25, 0.375]


def test_learning_goes_on_as_well(vectors):
    model = make_student((5,), 3)
    weighting = ExampleWeighting(num_classes=3)
    learn = LearnCommentaryCallback(
        weighting, vectors, warmup=3, steps=2, total_steps=6
    )
    made = []
    for _ in range(3):
        model.fit(*vectors, batch_size=6, callbacks=[learn], verbose=0)
        made.append(int(learn.optimizer.iterations))
    assert made == [0, 1, 2]


@pytest.mark.parametrize("batch_size, warns", [(1, True), (4, False)])
def test_weights_without_effect_are_noticed(vectors, batch_size, warns):
    weighting = ExampleWeighting()
    weighting(vectors[0])
    for variable in weighting.trainable_variables:
        variable.assign(tf.random.normal(variable.shape, stddev=0.3))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make_student((5,), 3).fit(
            *vectors,
            batch_size=batch_size,
            callbacks=[CommentaryCallback(weighting)],
            verbose=0,
        )
    found = [str(w.message) for w in caught if "had no effect" in str(w.message)]
    assert len(found) == warns


def test_weights_without_effect_are_noticed_again_in_a_new_training(vectors):
    callback = CommentaryCallback(ExampleWeighting())
    model = make_linear((5,), 3)
    for warned in (1, 0, 1):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(*vectors, 1, callbacks=[callback], verbose=0)
        found = [w for w in caught if "had no effect" in str(w.message)]
        assert len(found) == warned
        if not warned:
            callback.reset_state()


def test_batches_of_one_are_refused_in_a_data_set(vectors):
    weighting = ExampleWeighting()
    data = tf.data.Dataset.from_tensor_slices(vectors).batch(1, drop_remainder=True)
    with pytest.raises(ValueError, match="Batches of one example teach nothing"):
        teach(data, weighting)
    teach(data, ExampleWeighting(normalize=None))
