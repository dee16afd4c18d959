"""What does not fit is named before learning starts."""

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import tensorflow as tf
from models import make_linear, make_student

from tfcommentaries import (
    CommentaryLearner,
    ExampleWeighting,
    LearnCommentaryCallback,
    LossWeighting,
    teachers,
)
from tfcommentaries.learning.python_batches import as_dataset


def make_learner(student=None, **options):
    commentary = ExampleWeighting(teachers.mlp((74,), units=(16,)), num_classes=10)
    options = {"inner_steps": 4, **options}
    learner = CommentaryLearner(commentary, student or make_student((64,)), **options)
    learner.compile()
    return learner


def learned_from(*data, **options):
    """The history of two outer steps, the same for the same data."""
    keras.utils.set_random_seed(0)
    learner = make_learner(make_linear(), student_initialization="fixed")
    return learner.fit(*data, **options, steps_per_epoch=2, verbose=0).history


@pytest.fixture(scope="module")
def flat(digits):
    """Forty digits as vectors, and their labels."""
    return digits.train.x[:40].reshape(40, -1), digits.train.y[:40]


@pytest.fixture(scope="module")
def learned_from_arrays(flat):
    return learned_from(flat, flat)


def arrays(x, y):
    return np.asarray(x, "float32"), np.asarray(y, "int32")


GOOD = arrays(np.zeros((40, 64)), np.zeros(40))


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (arrays(np.zeros((0, 64)), []), "training data is empty"),
        (tf.data.Dataset.from_tensor_slices(GOOD).take(0).batch(4), "is empty"),
        (arrays(np.full((40, 64), np.nan), GOOD[1]), "2560 values that are not finite"),
        (arrays(GOOD[0], np.full(40, 12)), "10 classes but got label 12"),
        ((GOOD[0], GOOD[1][:39]), r"differ in length: \[39, 40\]"),
        (tf.data.Dataset.from_tensor_slices(GOOD), "must be batched"),
        (tf.data.Dataset.from_tensor_slices(GOOD[0]).batch(4), r"elements \(x, y\)"),
        ((GOOD[0], np.full(40, "cat")), r"are strings or objects.*np\.unique"),
        ((GOOD[0], pd.Categorical(["cat"] * 40)), r"are strings or objects"),
        ((scipy.sparse.csr_matrix(GOOD[0]), GOOD[1]), r"sparse matrix.*toarray"),
        ((tf.ragged.constant([[1.0]] * 40), GOOD[1]), r"RaggedTensor.*to_tensor"),
        ((GOOD[0], None), r"must have elements \(x, y\)"),
    ],
    ids=range(12),
)
def test_wrong_data_are_named_before_learning_starts(train, message):
    with pytest.raises(ValueError, match=message):
        make_learner().fit(train, GOOD, steps_per_epoch=1, verbose=0)


@pytest.mark.parametrize(
    "make",
    [
        lambda x, y: (pd.DataFrame(x), pd.Series(y)),
        lambda x, y: (x.astype(object), y),
        lambda x, y: (x, y.tolist()),
        lambda x, y: (x.tolist(), y.tolist()),
        lambda x, y: (pd.Series(list(x)), y),
        lambda x, y: (pd.DataFrame(x).astype({0: object}), list(y)),
    ],
    ids=["pandas", "objects", "list of labels", "lists", "arrays", "mixed table"],
)
def test_other_forms_of_arrays_are_the_same(flat, learned_from_arrays, make):
    given = make(*flat)
    assert learned_from(given, given) == learned_from_arrays


class Batches(keras.utils.PyDataset):
    """Arrays in batches of ten."""

    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x) // 10

    def __getitem__(self, number):
        part = slice(10 * number, 10 * number + 10)
        return self.x[part], self.y[part]


def endless_batches(x, y):
    batches = Batches(x, y)
    while True:
        yield from (batches[i] for i in range(len(batches)))


class Loader:
    """As PyTorch's: gives lists, and begins anew."""

    def __init__(self, x, y):
        self.batches = Batches(x, y)

    def __iter__(self):
        return (list(self.batches[i]) for i in range(len(self.batches)))


@pytest.fixture(scope="module")
def learned_from_batches(flat):
    return learned_from(tf.data.Dataset.from_tensor_slices(flat).batch(10), flat)


@pytest.mark.parametrize("make", [Batches, endless_batches, Loader])
def test_batches_that_python_makes_are_the_same(flat, learned_from_batches, make):
    assert learned_from(make(*flat), flat) == learned_from_batches


def test_generators_that_are_empty_are_named():
    with pytest.raises(ValueError, match="training data is empty"):
        make_learner().fit(iter(()), GOOD, verbose=0)


def test_generators_that_end_are_named():
    few = ((np.zeros((4, 64), "float32"), np.zeros(4)) for _ in range(5))
    with pytest.raises(ValueError, match="ended after 5 batches. It must be endless"):
        make_learner().fit(few, GOOD, verbose=0)


def test_arrays_are_given_as_in_keras(flat):
    own = np.linspace(0, 1, 40).astype("float32")
    given = learned_from(*flat, validation_data=flat, sample_weight=own)
    assert given == learned_from((*flat, own), flat)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ([GOOD], {}, "needs `validation_data`"),
        (GOOD, {}, "needs `validation_data`"),
        (([GOOD[0], GOOD[0]], [GOOD[1], GOOD[1]]), {}, "needs `validation_data`"),
        ([GOOD, GOOD], {"sample_weight": np.ones(40)}, "beside `x` and `y`"),
    ],
)
def test_data_that_are_not_all_there_are_named(data, options, message):
    with pytest.raises(ValueError, match=message):
        make_learner().fit(*data, **options, verbose=0)


def test_validation_batches_that_python_makes_are_taken_inside_fit(digits):
    x, y = digits.train.x[:40].reshape(40, -1), digits.train.y[:40]
    learn = LearnCommentaryCallback(
        ExampleWeighting(num_classes=10), endless_batches(x, y)
    )
    logs = make_student((64,)).fit(Batches(x, y), callbacks=[learn], verbose=0).history
    assert np.isfinite(logs["outer_loss"][0])


@pytest.mark.parametrize("form", [list, tuple])
def test_a_student_may_have_several_inputs(digits, form):
    x, y = digits.train.x[:40].reshape(40, -1), digits.train.y[:40]
    inputs = [keras.Input((32,)), keras.Input((32,))]
    student = keras.Model(
        inputs, keras.layers.Dense(10)(keras.layers.Concatenate()(inputs))
    )
    student.compile("adam", make_student((64,)).loss)
    learner = CommentaryLearner(LossWeighting(), student, inner_steps=2)
    learner.compile()
    data = form([x[:, :32], x[:, 32:]]), y
    history = learner.fit(data, data, steps_per_epoch=1, verbose=0).history
    assert history["hypergradient_norm"][0] > 0


@pytest.mark.parametrize("form", ["table", "array", "beside groups", "checked"])
def test_labels_among_the_inputs_are_named(vectors, form):
    x, y = np.tile(vectors[0], [2, 1]), np.tile(vectors[1], 2)
    table = pd.DataFrame(x, columns=list("abcde")).assign(price=y)
    given, column = table, "'price'"
    if form == "array":
        given, column = table.to_numpy(), "5"
    if form == "beside groups":
        given, column = {"x": table.to_numpy(), "id": np.arange(24)}, "5"
    weighting = ExampleWeighting(num_classes=3)
    message = f"hold the labels: the column {column} equals them in all 24 examples"
    with pytest.raises(ValueError, match=message):
        if form == "checked":
            LearnCommentaryCallback(weighting, (given, pd.Series(y)))
        learner = CommentaryLearner(weighting, make_student((6,), 3))
        learner.compile()
        learner.fit((given, y[:, None]), vectors, verbose=0)


@pytest.mark.parametrize(
    "x, y",
    [
        (np.zeros((40, 2)), np.zeros(40)),
        (np.arange(38.0).reshape(19, 2), np.arange(0, 38, 2)),
        (np.arange(40.0)[:, None], np.arange(40.0)),
    ],
    ids=["one value", "few examples", "one column"],
)
def test_columns_that_equal_the_labels_by_chance_are_not(x, y):
    found = as_dataset((x, y), "training")
    assert all(map(np.array_equal, found, (x, y)))


def test_wrong_validation_data_are_named_too():
    wrong = arrays(np.full((40, 64), np.inf), GOOD[1])
    with pytest.raises(ValueError, match="validation data hold 2560 values"):
        make_learner().fit(GOOD, wrong, steps_per_epoch=1, verbose=0)


def test_an_incompatible_student_is_named():
    with pytest.raises(ValueError, match=r"does not take this data.*\(32, 64\)"):
        make_learner(make_student((5,))).fit(GOOD, GOOD, steps_per_epoch=1, verbose=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inner_steps": 0}, "`inner_steps` must be at least 1"),
        ({"student_initialization": "warm"}, "'fixed', 'fresh', 'continue' or the"),
        ({"validation_mode": "test"}, "'training' or 'inference'"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        make_learner(**options)


def test_students_that_all_start_alike_are_refused():
    initializer = keras.initializers.GlorotUniform(seed=1)
    student = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(10, kernel_initializer=initializer)]
    )
    student.compile("sgd", keras.losses.SparseCategoricalCrossentropy(True))
    with pytest.raises(ValueError, match="all start alike"):
        make_learner(student).fit(GOOD, GOOD, steps_per_epoch=1, verbose=0)


def test_labels_between_classes_are_named(vectors):
    x, y = vectors
    smoothed = 0.9 * y.astype("float32")
    learner = CommentaryLearner(
        ExampleWeighting(num_classes=3), make_student((5,), 3), inner_steps=2
    )
    learner.compile()
    with pytest.raises(ValueError, match=r"8 labels lie between classes, such as 0\.9"):
        learner.fit((x, smoothed), vectors)
    weighting = ExampleWeighting(num_classes=3)
    weighting(x, y=y)
    with pytest.raises(tf.errors.InvalidArgumentError, match="a label outside"):
        weighting(x, y=smoothed)


@pytest.mark.parametrize("inside_fit", [False, True])
def test_a_loss_of_the_whole_batch_is_named(vectors, inside_fit):
    student = make_student((5,), 3)
    loss = student.loss
    student.compile("sgd", lambda y, outputs: tf.reduce_mean(loss.call(y, outputs)))
    weighting = ExampleWeighting(num_classes=3)
    with pytest.raises(ValueError, match="one number for a batch"):
        if inside_fit:
            callback = LearnCommentaryCallback(weighting, vectors, loss=loss)
            student.fit(*vectors, callbacks=[callback], verbose=0)
        else:
            learner = CommentaryLearner(weighting, student, inner_steps=2)
            learner.compile(loss=loss)
            learner.fit(vectors, vectors)


def test_several_outer_steps_at_once_are_refused():
    learner = CommentaryLearner(ExampleWeighting(), make_student((5,), 3))
    with pytest.raises(ValueError, match="`steps_per_execution` must be 1"):
        learner.compile(steps_per_execution=2)
