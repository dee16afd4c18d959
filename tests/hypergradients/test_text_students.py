"""Students with embeddings and recurrent layers, whose gradients are special."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries import (
    ExampleWeighting,
    ImplicitTraining,
    LearnCommentaryCallback,
    UnrolledTraining,
    teachers,
)
from tfcommentaries.students import FunctionalStudent

layers = keras.layers
WORDS, STEPS, EXAMPLES = 7, 3, 4


def compiled(*network):
    """A classifier of four words each."""
    model = keras.Sequential([*network, layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.3), loss)
    return model


def bag_of_words():
    embedding = layers.Embedding(WORDS, 5)
    return compiled(
        keras.Input((4,), dtype="int32"), embedding, layers.GlobalAveragePooling1D()
    )


def dense_bag_of_words():
    """The same of rows that are 1 where the word is."""
    embedding = layers.Dense(5, use_bias=False)
    return compiled(keras.Input((4, WORDS)), embedding, layers.GlobalAveragePooling1D())


def recurrent():
    embedding = layers.Embedding(WORDS, 5)
    return compiled(keras.Input((4,), dtype="int32"), embedding, layers.GRU(3))


def text():
    """Words `(steps, examples, 4)` and labels."""
    generator = np.random.default_rng(0)
    words = generator.integers(0, WORDS, (STEPS, EXAMPLES, 4)).astype("int32")
    return words, generator.integers(0, 3, (STEPS, EXAMPLES))


def hypergradient(inner_training, model, words, y):
    """By one logit per example; the student is measured on the first batch."""
    table = teachers.Table(EXAMPLES, dtype="float64")
    commentary = ExampleWeighting(
        table,
        teacher_key="id",
        student_key="words",
        normalize=None,
        dtype="float64",
    )
    ids = np.repeat(np.arange(EXAMPLES, dtype="int32")[None], STEPS, 0)
    commentary({"id": ids[0], "words": words[0]})
    generator = np.random.default_rng(1)
    student = FunctionalStudent(model)
    student.build(words[0], y[0])
    for variable in model.trainable_variables:
        variable.assign(generator.normal(size=variable.shape))
    layer = inner_training.bind(commentary, student)

    @tf.function(autograph=False)
    def compute():
        phi = [tf.convert_to_tensor(table.logits)]
        with tf.GradientTape() as tape:
            tape.watch(phi)
            batches = {"id": ids, "words": words}, y
            weights = layer(phi, student.weights, batches)
            loss, _ = student.loss(weights, words[0], y[0])
        return tape.gradient(loss, phi)[0]

    return compute().numpy()


@pytest.mark.parametrize(
    "inner_training",
    [
        UnrolledTraining(),
        ImplicitTraining(),
        ImplicitTraining(solver="cg"),
        ImplicitTraining(products="reverse"),
        ImplicitTraining(products="finite_difference"),
    ],
    ids=["unrolled", "implicit", "cg", "reverse", "differences"],
)
def test_an_embedding_is_a_matrix_product(float64, inner_training):
    words, y = text()
    found = hypergradient(inner_training, bag_of_words(), words, y)
    rows = np.eye(WORDS)[words]
    expected = hypergradient(inner_training, dense_bag_of_words(), rows, y)
    assert np.abs(expected).max() > 1e-6
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-12)


def test_recurrent_layers_need_reverse_products(float64):
    data = text()
    with pytest.raises(ValueError, match='Pass `products="reverse"`'):
        hypergradient(ImplicitTraining(), recurrent(), *data)
    found, expected = (
        hypergradient(ImplicitTraining(products=products), recurrent(), *data)
        for products in ("reverse", "finite_difference")
    )
    assert np.abs(expected).max() > 1e-6
    np.testing.assert_allclose(found, expected, rtol=1e-2)


def test_a_teacher_of_text_learns_inside_fit():
    words, y = text()
    words, y = words.reshape(-1, 4), y.ravel()
    teacher = keras.Sequential(
        [layers.Embedding(WORDS, 5), layers.GlobalAveragePooling1D(), layers.Dense(1)]
    )
    commentary = ExampleWeighting(teacher)
    learn = LearnCommentaryCallback(commentary, (words, y))
    model = bag_of_words()
    history = model.fit(words, y, epochs=2, batch_size=4, callbacks=[learn], verbose=0)
    assert history.history["hypergradient_norm"][-1] > 0
