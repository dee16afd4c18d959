"""Batches of different length are named before a step is traced."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    GroupWeighting,
    LearnCommentaryCallback,
    LossWeighting,
)
from tfcommentaries.learning.outer_batches import endless

layers = keras.layers


def make_student():
    model = keras.Sequential(
        [layers.Embedding(9, 3, mask_zero=True), layers.GlobalAveragePooling1D()]
    )
    model.add(layers.Dense(2))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def sentences(lengths):
    """A data set of sentences of these lengths."""

    def examples():
        for i, length in enumerate(lengths):
            yield np.arange(1, 1 + length) % 9, i % 2

    spec = tf.TensorSpec([None], tf.int32), tf.TensorSpec([], tf.int32)
    return tf.data.Dataset.from_generator(examples, output_signature=spec)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        return np.ones((4, 3 + i), "int32"), np.arange(4) % 2


def generator():
    while True:
        for i in range(4):
            yield Batches()[i]


DIFFERENT = {
    "padded_batch": lambda: sentences([3, 5, 4, 2, 6, 1, 2, 7]).padded_batch(2),
    "PyDataset": Batches,
    "generator": generator,
}


@pytest.mark.parametrize("make", DIFFERENT.values(), ids=DIFFERENT)
@pytest.mark.parametrize("batch_size", [None, 3])
def test_batches_of_different_length_are_named(make, batch_size):
    same = np.ones((8, 5), "int32"), np.arange(8) % 2
    learner = CommentaryLearner(LossWeighting(), make_student(), inner_steps=2)
    learner.compile()
    for train, validation, name in (
        (make(), same, "training"),
        (
            same,
            make(),
            "validation",
        ),
    ):
        message = rf"The batches of the {name} data differ in length.*padded_shapes="
        with pytest.raises(ValueError, match=message) as error:
            learner.fit(
                train,
                validation_data=validation,
                batch_size=batch_size,
                validation_batch_size=batch_size,
                verbose=0,
            )
        assert len(str(error.value)) <= 400
    assert learner.train_function is None
    with pytest.raises(ValueError, match="validation data differ in length"):
        LearnCommentaryCallback(GroupWeighting([0, 1]), make())


@pytest.mark.parametrize("size", [None, 1, 5, 50])
def test_the_first_batches_of_a_data_set_are_read_once(size):
    passes = []

    def batches():
        passes.append(0)
        for i in range(20):
            passes[-1] += 1
            yield np.full([2, 1], i, "float32"), np.zeros(2, "int32")

    spec = tf.TensorSpec([2, 1]), tf.TensorSpec([2], tf.int32)
    data = tf.data.Dataset.from_generator(batches, output_signature=spec)
    batches_of_data, batch = endless(data, ExampleWeighting(), "training", size)
    assert len(passes) == 1 and 16 <= passes[0] <= 17
    expected = np.arange(size or 2) % 32 // 2
    np.testing.assert_array_equal(batch[0][:, 0], expected)
    x, _ = next(iter(batches_of_data.one_by_one()))
    np.testing.assert_array_equal(x[:, 0], np.arange(size or 2) % 40 // 2)


def test_a_later_batch_of_another_length_is_named():
    data = sentences([4] * 80 + [5] * 2).padded_batch(2)
    batches, _ = endless(data, ExampleWeighting(), "training")
    with pytest.raises(tf.errors.InvalidArgumentError, match="differ in length"):
        list(batches.one_by_one().take(41))


def test_batches_padded_to_one_length_learn_as_arrays_do():
    data = sentences([3, 5, 4, 2]).padded_batch(2, padded_shapes=([6], []))
    unknown = sentences([6] * 4).padded_batch(2)
    x, y = (np.concatenate(part) for part in zip(*data.as_numpy_iterator()))
    for one, expected in (data, (x, y)), (unknown, None):
        batches, batch = endless(one, ExampleWeighting(), "training", 4)
        batches = batches.one_by_one()
        assert batches.element_spec[0].shape == batch[0].shape == (4, 6)
        if expected is not None:
            for found, array in zip(next(iter(batches)), expected):
                np.testing.assert_array_equal(found, array)
