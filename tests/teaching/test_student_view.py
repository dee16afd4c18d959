"""Groups and ids beside the inputs of a model that is tested."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from teaching.test_commentary_callback import fit, recording_student

from tfcommentaries import (
    CommentaryCallback,
    ExampleWeighting,
    GroupWeighting,
    LearnCommentaryCallback,
    teachers,
)
from tfcommentaries.commentaries import ConstantWeighting

SOURCE = np.array(["a", "b", "c"] * 4)
#: By commentary: what makes it, and what stands beside the inputs.
BESIDE = {
    "groups": (
        lambda: GroupWeighting(SOURCE),
        lambda x: GroupWeighting(SOURCE).add_groups(x, SOURCE),
    ),
    "ids": (
        lambda: ExampleWeighting(teachers.Table(12), teacher_key="id", student_key="x"),
        lambda x: {"x": x, "id": np.arange(12)},
    ),
}


class Own(keras.Sequential):
    """Has a step of its own."""

    def test_step(self, data):
        logs = super().test_step(data)
        return {"mine": logs["loss"] + 1, **logs}


def evaluate(model, x, y, **options):
    found = model.evaluate(x, y, return_dict=True, **{"verbose": 0, **options})
    return {name: float(value) for name, value in found.items()}  # Not in every Keras.


@pytest.mark.parametrize(
    ("kind", "learns", "cls"),
    [
        ("groups", False, keras.Sequential),
        ("groups", True, Own),
        ("ids", False, Own),
    ],
)
def test_what_stands_beside_inputs_is_hidden_in_validation(kind, learns, cls, vectors):
    make, beside = BESIDE[kind]
    x, y = vectors
    grouped, commentary = beside(x), make()
    callback = CommentaryCallback(commentary)
    if learns:
        callback = LearnCommentaryCallback(commentary, vectors, warmup=0)
    model = cls([keras.Input((5,)), keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    model.evaluate(x, y, verbose=0)
    model.predict(x, verbose=0)
    options = {"batch_size": 4, "callbacks": [callback], "verbose": 0}
    for validation in (
        {"validation_split": 0.25},
        {"validation_data": vectors},
        {"validation_data": tf.data.Dataset.from_tensor_slices((grouped, y)).batch(5)},
    ):
        history = model.fit(grouped, y, **options, **validation).history
        last = slice(9, None) if "validation_split" in validation else slice(None)
        found = evaluate(model, x[last], y[last])
        for name, value in found.items():
            assert float(history[f"val_{name}"][0]) == pytest.approx(value, rel=1e-5)
    found = evaluate(model, grouped, y, **options)
    assert found == pytest.approx(evaluate(model, x, y))
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(model.predict(grouped, **options), expected, rtol=1e-6)
    given = commentary.student_inputs(grouped)
    np.testing.assert_array_equal(model.predict(given, verbose=0), expected)
    assert not {"make_train_function", "test_step", "predict_step"} & set(vars(model))


def test_evaluate_with_the_callback_teaches_no_later_fit(vectors):
    class Interrupt(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    callback = CommentaryCallback(ConstantWeighting(0.5))
    for interrupt in (), (Interrupt(),):
        model, seen = recording_student()
        with contextlib.suppress(KeyboardInterrupt):
            model.evaluate(*vectors, callbacks=[callback, *interrupt], verbose=0)
        seen.clear()
        fit(model, vectors, sample_weight=np.ones(12), epochs=1)
        np.testing.assert_allclose(np.concatenate(seen), np.ones(12))
        assert not {"make_train_function", "test_step"} & set(vars(model))
