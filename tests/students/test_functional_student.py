"""A Keras model as a function gives what the model itself gives."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_student

from tfcommentaries.students import FunctionalStudent

layers = keras.layers


def with_dropout_and_losses():
    inputs = keras.Input((5,))
    x = layers.Dense(6, kernel_regularizer="l2", activity_regularizer="l1")(inputs)
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(3)(x))


class Subclassed(keras.Model):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.norm = layers.BatchNormalization()
        self.dense = layers.Dense(units)
        self.out = layers.Dense(3)

    def call(self, x, training=False):
        return self.out(keras.ops.relu(self.norm(self.dense(x), training=training)))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def compiled(model, **options):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(**{"optimizer": "sgd", "loss": loss, "metrics": [], **options})
    return model


@pytest.mark.parametrize(
    "make", [with_dropout_and_losses, Subclassed, lambda: make_student((5,), 3)]
)
def test_loss_and_state_are_kerass_own(make, vectors):
    x, y = vectors
    model = compiled(make())
    student = FunctionalStudent(model)
    student.build(x, y)
    weights = student.weights
    weight = np.linspace(0, 2, len(x)).astype("float32")
    loss, non_trainable = student.loss(weights, x, y, weight)
    before = [np.array(v) for v in model.trainable_variables]
    expected = model.train_on_batch(x, y, sample_weight=weight, return_dict=True)
    np.testing.assert_allclose(loss, expected["loss"], rtol=1e-5)
    for ours, variable in zip(non_trainable, model.non_trainable_variables):
        np.testing.assert_allclose(ours, variable, rtol=1e-5)
    for kept, value in zip(before, weights.trainable):
        np.testing.assert_array_equal(kept, value)


def test_the_models_own_variables_stay(student, digits):
    functional = FunctionalStudent(student)
    x, y = digits.train.x[:8], digits.train.y[:8]
    functional.build(x, y)
    before = [np.array(v) for v in student.variables]
    zeros = tf.nest.map_structure(tf.zeros_like, functional.weights)
    functional.loss(zeros, x, y)
    functional.predict(zeros, x, training=True)
    for old, new in zip(before, student.variables):
        np.testing.assert_array_equal(old, new)


def test_a_step_with_dropout_repeats_exactly(vectors):
    x, y = vectors
    student = FunctionalStudent(compiled(with_dropout_and_losses()))
    student.build(x, y)
    weights = student.weights
    first, state = student.loss(weights, x, y)
    again, _ = student.loss(weights, x, y)
    later, _ = student.loss(weights._replace(non_trainable=state), x, y)
    assert float(first) == float(again)
    assert float(first) != float(later)


def test_several_outputs_and_inputs(vectors):
    x, y = vectors
    a, b = keras.Input((5,), name="a"), keras.Input((5,), name="b")
    hidden = layers.Dense(4)(layers.Add()([a, b]))
    model = keras.Model(
        {"a": a, "b": b},
        {
            "label": layers.Dense(3, name="label")(hidden),
            "size": layers.Dense(1)(hidden),
        },
    )
    model.compile(
        "sgd",
        {
            "label": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            "size": "mse",
        },
        loss_weights={"label": 1.0, "size": 0.5},
    )
    inputs = {"a": x, "b": x}
    targets = {"label": y, "size": x.sum(1, keepdims=True)}
    student = FunctionalStudent(model)
    student.build(inputs, targets)
    weight = np.linspace(0, 2, len(x)).astype("float32")
    loss, _ = student.loss(student.weights, inputs, targets, weight)
    expected = model.test_on_batch(inputs, targets, weight, return_dict=True)["loss"]
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


@pytest.mark.parametrize("reduction", ["sum", "sum_over_batch_size"])
def test_keeps_the_losss_reduction(reduction, vectors):
    x, y = vectors
    loss = keras.losses.SparseCategoricalCrossentropy(True, reduction=reduction)
    model = compiled(make_student((5,), 3), loss=loss)
    student = FunctionalStudent(model)
    student.build(x, y)
    found, _ = student.loss(student.weights, x, y, training=False)
    np.testing.assert_allclose(
        found, model.test_on_batch(x, y, return_dict=True)["loss"], rtol=1e-5
    )


def test_second_derivatives_through_batch_normalisation_are_right(float64):
    # tf.nn.moments alone gives a wrong one, silently.
    model = compiled(
        keras.Sequential([keras.Input((2,)), layers.BatchNormalization()]), loss="mse"
    )
    student = FunctionalStudent(model)
    x = np.random.default_rng(0).normal(size=(4, 2))
    y = np.zeros((4, 2)) + [1.0, -1.0]
    student.build(x, y)
    x = tf.constant(x)

    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs, _ = student.predict(student.weights, x, training=True)
            loss = tf.reduce_sum(outputs**3)
        return tape.gradient(loss, x)

    direction = tf.constant(np.random.default_rng(1).normal(size=(4, 2)))
    with tf.GradientTape() as tape:
        tape.watch(x)
        product = tf.reduce_sum(gradient(x) * direction)
    found = tape.gradient(product, x)
    h = 1e-6
    expected = (gradient(x + h * direction) - gradient(x - h * direction)) / (2 * h)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_constraints_are_applied():
    dense = layers.Dense(3, use_bias=False, kernel_constraint="non_neg")
    model = compiled(keras.Sequential([keras.Input((2,)), dense]))
    (kernel,) = FunctionalStudent(model).constrain([tf.constant([[1.0, -1, 2]] * 2)])
    np.testing.assert_array_equal(kernel, [[1, 0, 2]] * 2)


@pytest.mark.parametrize(
    "make", [with_dropout_and_losses, Subclassed, lambda: make_student((5,), 3)]
)
def test_draws_the_same_weights_from_the_same_seed(make, vectors):
    student = FunctionalStudent(compiled(make()))
    student.build(*vectors)
    own = student.weights
    first, again, other = (student.draw(seed) for seed in ("a", "a", "b"))
    kernel = next(i for i, w in enumerate(own.trainable) if w.shape.rank == 2)
    np.testing.assert_array_equal(first.trainable[kernel], again.trainable[kernel])
    for different in (other, own):
        assert (first.trainable[kernel] != different.trainable[kernel]).numpy().any()
    np.testing.assert_array_equal(student.weights.trainable[kernel], own[0][kernel])


def test_what_is_not_trainable_stays_in_new_students(vectors):
    x, y = vectors
    normalization = keras.layers.Normalization()
    normalization.adapt(10 * x + 3)
    backbone = keras.Sequential(
        [keras.layers.Dense(6), keras.layers.BatchNormalization()], name="backbone"
    )
    head = keras.Sequential(
        [keras.layers.Dense(4), keras.layers.BatchNormalization()], name="head"
    )
    model = keras.Sequential(
        [keras.Input((5,)), normalization, backbone, head, keras.layers.Dense(3)]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, epochs=3, verbose=0)
    backbone.trainable = False

    def by_path(weights):
        variables = model.trainable_variables, model.non_trainable_variables
        return {
            v.path: value.numpy()
            for some, values in zip(variables, weights)
            for v, value in zip(some, values)
        }

    student = FunctionalStudent(model)
    own = by_path(student.weights)
    assert any("backbone" in path and "moving" in path for path in own)
    for kept, new in ((), ("head", "dense_")), (["head"], ("dense_",)):
        drawn = by_path(FunctionalStudent(model, kept).draw(0))
        for path, value in own.items():
            begins_anew = path.removeprefix(f"{model.name}/").startswith(new)
            assert np.array_equal(drawn[path], value) != begins_anew, path


def test_a_student_that_is_frozen_whole_is_named(vectors):
    model = make_student((5,), 3)
    model.trainable = False
    with pytest.raises(ValueError, match="no trainable weights"):
        FunctionalStudent(model).build(*vectors)


def test_draws_from_a_function(vectors):
    student = FunctionalStudent(lambda: make_student((5,), 3))
    first, other = student.draw("a"), student.draw("b")
    assert (first.trainable[0] != other.trainable[0]).numpy().any()


class Scaled(layers.Layer):
    """A user's own, which is not registered and takes none of Keras's arguments."""

    def __init__(self, units):
        super().__init__()
        self.dense = layers.Dense(units)

    def build(self, shape):
        self.dense.build(shape)

    def call(self, x):
        return 2 * self.dense(x)


class Plain(keras.Model):
    """The same as a model."""

    def __init__(self):
        super().__init__()
        self.scaled = Scaled(3)

    def call(self, x):
        return self.scaled(x)


def functional():
    inputs = keras.Input((5,))
    return keras.Model(inputs, Scaled(3)(inputs))


def nested():
    inner = functional()
    inner.compile("sgd", lambda y_true, y_pred: y_pred)  # A loss without a config.
    return keras.Sequential([keras.Input((5,)), inner])


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.Sequential([keras.Input((5,)), Scaled(3)]),
        functional,
        nested,
        Plain,
    ],
    ids=["sequential", "functional", "nested", "subclassed"],
)
@pytest.mark.parametrize("from_function", [False, True])
def test_draws_students_of_a_users_own_layers_loss_and_metrics(
    make, from_function, vectors
):
    def own(y_true, y_pred):
        return keras.ops.mean((y_pred - keras.ops.one_hot(y_true, 3)) ** 2, -1)

    def compiled():
        model = make()
        model.compile("sgd", own, metrics=[own, lambda y_true, y_pred: y_true])
        return model

    student = FunctionalStudent(compiled if from_function else compiled())
    student.build(*vectors)
    first, other = student.draw("a"), student.draw("b")
    assert len(first.trainable) == 2
    assert (first.trainable[0] != other.trainable[0]).numpy().any()
    assert student.model.compiled


def test_a_model_that_cannot_be_made_again_is_named(vectors):
    class NoConfig(keras.Model):
        def __init__(self, number):
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, x):
            return self.dense(x)

    student = FunctionalStudent(compiled(NoConfig(1)))
    student.build(*vectors)
    with pytest.raises(ValueError, match="NoConfig.*Pass a function"):
        student.draw(0)


def test_refuses_a_model_that_is_not_compiled():
    with pytest.raises(ValueError, match=r"has no loss.*student.compile"):
        FunctionalStudent(with_dropout_and_losses())


def test_refuses_what_is_no_model():
    with pytest.raises(TypeError, match="compiled keras.Model or a function"):
        FunctionalStudent(3)


def test_an_incompatible_student_is_named_with_the_datas_shape(student, vectors):
    with pytest.raises(ValueError, match=r"does not take this data.*\(12, 5\)"):
        FunctionalStudent(student).build(*vectors)


def test_refuses_a_loss_without_reduction(vectors):
    loss = keras.losses.SparseCategoricalCrossentropy(True, reduction="none")
    student = FunctionalStudent(compiled(make_student((5,), 3), loss=loss))
    with pytest.raises(ValueError, match=r"shape \(12,\).*reduction"):
        student.build(*vectors)


def test_recurrent_layers_run_without_cudnn():
    used = []

    class Seen(keras.layers.LSTM):
        def call(self, sequences, initial_state=None, mask=None, training=False):
            used.append(self.use_cudnn)
            return super().call(sequences, initial_state, mask, training)

    model = keras.Sequential([keras.Input((3, 2)), Seen(2), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    student = FunctionalStudent(model)
    used.clear()
    student.loss(student.weights, np.zeros((2, 3, 2), "float32"), np.zeros((2, 1)))
    assert used == [False]
    assert model.layers[0].use_cudnn == "auto"
