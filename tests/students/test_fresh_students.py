"""What a fresh student keeps is what plain training leaves as it is."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries import CommentaryLearner, LossWeighting
from tfcommentaries.students import FunctionalStudent
from tfcommentaries.students.repeating import check_repeats

layers = keras.layers


class Scaled(layers.Layer):
    """A weight that learns, a constant, and a count of training steps."""

    def build(self, shape):
        self.weight = self.add_weight(name="weight", shape=(shape[-1],))
        self.constant = self.add_weight(
            name="constant", shape=(shape[-1],), initializer="ones", trainable=False
        )
        self.steps = self.add_weight(
            name="steps", shape=(), initializer="zeros", trainable=False
        )

    def call(self, x, training=False):
        if training:
            self.steps.assign_add(1.0)
        return x * self.weight * self.constant


def trained(model, x, y):
    """Compiles a model and trains it, so that no variable is as it began."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, run_eagerly=True)
    for _ in range(2):
        model.train_on_batch(x, y)
    return model


def changed_by_fit(model, x, y):
    """For each variable, whether two steps of Keras's own training change it."""
    before = [np.array(v) for v in model.variables]
    trained(model, x, y)
    return [not np.array_equal(a, b) for a, b in zip(before, model.variables)]


def drawn(model, x, y, checked=False):
    student = FunctionalStudent(model)
    student.build(x, y)
    if checked:
        check_repeats(student, x, y)
    found = []
    for seed in "ab":
        weights = student.draw(seed)
        values = dict(zip(map(id, model.trainable_variables), weights.trainable))
        values |= dict(zip(map(id, model.non_trainable_variables), weights[1]))
        found.append([np.array(values[id(v)]) for v in model.variables])
    return found


@pytest.mark.parametrize(
    "own_layer", [Scaled, lambda: layers.Activation("relu")], ids=["own", "keras"]
)
@pytest.mark.parametrize("checked", [False, True])
def test_what_training_never_changes_is_kept_variable_by_variable(
    own_layer, checked, vectors
):
    x, y = vectors
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(6),
            layers.BatchNormalization(center=False, scale=False),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(6),
            own_layer(),
            layers.BatchNormalization(),
            keras.Sequential([layers.Dense(6), layers.BatchNormalization()]),
            layers.Dense(3),
        ]
    )
    trained(model, x, y)
    for variable in model.variables:
        if "constant" in variable.path:
            variable.assign(variable + 1)
    model.layers[2].gamma.trainable = False
    model.layers[4].kernel.trainable = False
    model.layers[6].trainable = False
    model.layers[7].trainable = False
    own = [np.array(v) for v in model.variables]
    first, second = drawn(model, x, y, checked)
    begin = keras.models.clone_model(model).variables
    changes = changed_by_fit(model, x, y)
    assert sum(changes) < len(changes) - 8
    rows = zip(model.variables, changes, own, first, second, begin, strict=True)
    for variable, changes, value, one, other, new in rows:
        if not changes:
            np.testing.assert_array_equal(one, value, err_msg=variable.path)
            np.testing.assert_array_equal(other, value, err_msg=variable.path)
        elif "kernel" in variable.path or "seed" in variable.path:
            assert not np.array_equal(one, value), variable.path
            assert not np.array_equal(one, other), variable.path
        elif not variable.path.endswith("weight"):
            np.testing.assert_array_equal(one, new, err_msg=variable.path)


class Counting(layers.Layer):
    """A constant that changes at every third step."""

    def build(self, shape):
        self.count, self.late = (
            self.add_weight(name=name, shape=(), initializer="zeros", trainable=False)
            for name in ("count", "late")
        )

    def call(self, x, training=False):
        if training:
            self.count.assign_add(1.0)
            third = keras.ops.equal(self.count % 3, 0)
            late = self.late.value
            new = keras.ops.cond(third, lambda: late + 1, lambda: late)
            self.late.assign(new)
        return x


class NoiseAtTimes(layers.Layer):
    """Draws noise in some steps: here, in those that are traced."""

    def build(self, shape):
        self.seeds = keras.random.SeedGenerator(7)

    def call(self, x, training=False):
        if training and not tf.executing_eagerly():
            return x + keras.random.normal((1,), seed=self.seeds)
        return x


def test_seeds_that_a_layer_uses_only_at_times_start_anew(vectors):
    x, y = vectors
    model = keras.Sequential([keras.Input((5,)), NoiseAtTimes(), layers.Dense(3)])
    trained(model, x, y)
    (seed,) = (v for v in model.non_trainable_variables if "seed" in v.path)
    seed.assign(seed + 5)
    place = next(i for i, v in enumerate(model.variables) if v is seed)
    for values in drawn(model, x, y, checked=True):
        np.testing.assert_array_equal(values[place], [7, 0])


def test_what_a_layer_changes_only_at_times_starts_anew(vectors):
    x, y = vectors
    model = keras.Sequential([keras.Input((5,)), Counting(), layers.Dense(3)])
    for _ in range(2):
        trained(model, x, y)
    assert [float(v) for v in model.layers[0].variables] == [4, 1]
    for values in drawn(model, x, y, checked=True):
        assert [float(v) for v in values[:2]] == [0, 0]


def dense():
    return keras.Sequential([keras.Input((5,)), layers.Dense(4), layers.Dense(3)])


def einsum_dense():
    project = layers.EinsumDense("ab,bc->ac", 4, bias_axes="c")
    return keras.Sequential([keras.Input((5,)), project, layers.Dense(3)])


def embedding():
    return keras.Sequential(
        [keras.Input((5,)), layers.Embedding(9, 4), layers.Flatten(), layers.Dense(3)]
    )


class Block(layers.Layer):
    """A layer of layers, as those of language models."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attention = layers.MultiHeadAttention(2, 3, dropout=0.1)
        self.norm = layers.LayerNormalization()

    def build(self, shape):
        self.attention.build(shape, shape)
        self.norm.build(shape)

    def call(self, x):
        return self.norm(x + self.attention(x, x))


def language_model():
    x = inputs = keras.Input((5,))
    body = keras.Model(inputs, Block()(layers.Embedding(9, 4)(x)))
    pooled = layers.GlobalAveragePooling1D()(body(inputs))
    return keras.Model(inputs, layers.Dense(3)(pooled))


class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden, self.out = layers.Dense(4), layers.Dense(3)

    def call(self, x):
        return self.out(self.hidden(x))


@pytest.mark.parametrize(
    "make", [dense, einsum_dense, embedding, language_model, Subclassed]
)
def test_lora_that_is_enabled_later_learns_anew_and_its_base_stays(make):
    x, y = np.arange(60).reshape(12, 5) % 9, np.arange(12) % 3
    model = trained(make(), x.astype("float32"), y)
    for layer in model._flatten_layers():
        if isinstance(layer, layers.Dense | layers.EinsumDense | layers.Embedding):
            layer.trainable = True
            layer.enable_lora(2)
        elif not layer._layers:
            layer.trainable = False
    trained(model, x.astype("float32"), y)
    own = [np.array(v) for v in model.variables]
    first, second = drawn(model, x.astype("float32"), y)
    found = 0
    for variable, value, one, other in zip(model.variables, own, first, second):
        if variable.name.startswith("lora") and variable.name.endswith("_a"):
            assert not np.array_equal(one, other), variable.path
            assert not np.array_equal(one, value), variable.path
            found += 1
        elif variable.name.startswith("lora"):
            np.testing.assert_array_equal(one, 0)
            assert value.any()
        elif not variable.trainable and "seed" not in variable.path:
            np.testing.assert_array_equal(one, value, err_msg=variable.path)
    assert found >= 2


@pytest.mark.filterwarnings("ignore:The student")
def test_learns_with_a_student_with_lora():
    x, y = np.arange(60).reshape(12, 5).astype("float32") % 9, np.arange(12) % 3
    model = trained(language_model(), x, y)
    for layer in model._flatten_layers():
        if isinstance(layer, layers.EinsumDense) and layer.name in ("query", "value"):
            layer.enable_lora(2)
    trained(model, x, y)
    before = [np.array(v) for v in model.variables]
    learner = CommentaryLearner(LossWeighting(), model, inner_steps=2)
    learner.compile(jit_compile=False)
    learner.fit((x, y), validation_data=(x, y), steps_per_epoch=2, verbose=0)
    for value, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(value, variable)


class NoConfig(layers.Dense):
    def get_config(self):
        raise AttributeError("no such argument")


class OfNumbers(keras.Model):
    """A functional model made from numbers, with a layer that has no config."""

    def __init__(self, units, **kwargs):
        inputs = keras.Input((5,))
        outputs = NoConfig(3, kernel_initializer="he_uniform")(
            NoConfig(units, bias_initializer=keras.initializers.Zeros())(inputs)
        )
        super().__init__(inputs, outputs, **kwargs)
        self.units = units

    def get_config(self):
        return {"name": self.name, "units": self.units}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def test_a_class_that_makes_layers_without_config_draws(vectors):
    model = OfNumbers(4)
    first, second = drawn(trained(model, *vectors), *vectors)
    assert not np.array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], 0)
