"""Differentiable optimizers against Keras's own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

from tfcommentaries.optimizers import SGD, Adam, from_keras
from tfcommentaries.optimizers.any_keras_optimizer import unbuilt_like
from tfcommentaries.optimizers.flattened import Flattened


class DoubledAdam(optimizers.Adam):
    """A user's own."""

    def __init__(self, learning_rate, factor=2.0, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.factor = factor

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(self.factor * gradient, variable, learning_rate)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class Own(optimizers.schedules.LearningRateSchedule):
    """A user's own schedule, which has no config and is not registered."""

    def __call__(self, step):
        return 0.1 / (
            1.0 + tf.cast(tf.minimum(step, tf.constant(9, tf.int64)), "float32")
        )


OPTIMIZERS = [
    optimizers.SGD(0.1),
    optimizers.SGD(0.1, momentum=0.9),
    optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    optimizers.SGD(optimizers.schedules.CosineDecay(0.1, 40), clipnorm=0.5),
    optimizers.SGD(0.1, global_clipnorm=0.5),
    optimizers.SGD(0.1, clipvalue=0.05),
    optimizers.Adam(0.01),
    optimizers.Adam(0.01, beta_1=0.8, beta_2=0.95, epsilon=1e-4, amsgrad=True),
    optimizers.Adam(optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)),
    optimizers.AdamW(0.01, weight_decay=0.1),
    optimizers.RMSprop(0.01),
    optimizers.RMSprop(0.01, rho=0.8, momentum=0.7, centered=True, weight_decay=0.01),
    optimizers.Nadam(0.01),
    optimizers.Nadam(Own(), beta_1=0.8, beta_2=0.95, epsilon=1e-4, weight_decay=0.1),
    optimizers.SGD(Own(), momentum=0.9),
    optimizers.AdamW(lambda: 0.1),
    optimizers.Adamax(Own()),
    optimizers.Ftrl(lambda: 0.1),
    optimizers.Adagrad(0.1),
    optimizers.Adamax(0.01, clipvalue=0.05),
    optimizers.Adadelta(0.5),
    optimizers.Ftrl(0.1),
    optimizers.Adafactor(0.01),
    optimizers.Lamb(0.01),
    optimizers.Lion(optimizers.schedules.CosineDecay(0.1, 40), weight_decay=0.1),
    DoubledAdam(0.01, global_clipnorm=0.5, factor=3.0),
]


def trajectory(optimizer, steps=50):
    """Weights after each step, ours and Keras's, on a quadratic with noise."""
    generator = np.random.default_rng(0)
    start = [generator.normal(size=s).astype("float32") for s in [(3, 4), (4,)]]
    noise = generator.normal(size=(steps, 4)).astype("float32")
    variables = [keras.Variable(s) for s in start]
    optimizer = unbuilt_like(optimizer)
    inner = from_keras(optimizer, variables)
    weights = [tf.constant(s) for s in start]
    slots = inner.init(weights)
    ours, kerass = [], []
    for step in range(steps):

        def gradients(values, step=step):
            return [tf.convert_to_tensor(v) * 2 + noise[step] for v in values]

        weights, slots = inner.update(gradients(weights), slots, weights, step)
        optimizer.apply(gradients(variables), variables)
        ours.append([w.numpy() for w in weights])
        kerass.append([keras.ops.convert_to_numpy(v) for v in variables])
    return ours, kerass


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.name)
def test_fifty_steps_equal_kerass(optimizer):
    ours, kerass = trajectory(optimizer)
    for a, b in zip(ours, kerass):
        for x, y in zip(a, b):
            np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "optimizer",
    [
        optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        optimizers.Adam(0.1, amsgrad=True, clipnorm=0.5),
        optimizers.AdamW(0.1, weight_decay=0.1),
        optimizers.Nadam(0.1),
        optimizers.RMSprop(0.1, centered=True, momentum=0.5, clipvalue=0.2),
    ],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_all_weights_in_one_vector_take_the_same_steps(optimizer):
    generator = np.random.default_rng(0)
    variables = [
        keras.Variable(generator.normal(size=shape).astype("float32"))
        for shape in ((3, 2), (2,), (), (1, 1, 4))
    ]
    optimizer.exclude_from_weight_decay(var_list=variables[1:2])
    one = from_keras(optimizer, variables)
    assert Flattened.suits(one, variables)
    all_ = Flattened(one, variables)
    weights = [tf.convert_to_tensor(v) for v in variables]
    found, expected = ((weights, o.init(weights)) for o in (all_, one))
    for step in range(5):
        gradients = [
            tf.constant(generator.normal(size=v.shape), v.dtype) for v in variables
        ]
        found = all_.update(gradients, found[1], found[0], step)
        expected = one.update(gradients, expected[1], expected[0], step)
    for a, b in zip(found[0], expected[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    squares = one.mean_squares(expected[1])
    for a, b in zip(all_.mean_squares(found[1]) or [], squares or [], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


class OfWholeWeights(SGD):
    """Looks at a weight as a whole."""


def test_other_optimizers_keep_weights_apart():
    variables = [keras.Variable([1.0]), keras.Variable([2.0])]
    assert Flattened.suits(SGD(), variables)
    assert not Flattened.suits(OfWholeWeights(), variables)
    assert not Flattened.suits(from_keras("lion", variables), variables)


def test_weight_decay_leaves_out_what_keras_leaves_out():
    optimizer = optimizers.AdamW(0.01, weight_decay=0.5)
    variables = [keras.Variable(np.ones(2), name=n) for n in ("kernel", "bias")]
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    inner = from_keras(optimizer, variables)
    weights = [tf.ones(2), tf.ones(2)]
    zeros = [tf.zeros(2), tf.zeros(2)]
    (kernel, bias), _ = inner.update(zeros, inner.init(weights), weights, 0)
    np.testing.assert_allclose(kernel, 0.995)
    np.testing.assert_allclose(bias, 1.0)


@pytest.mark.parametrize("name", ["sgd", "adam", "nadam", "rmsprop"])
def test_has_a_finite_gradient_at_a_zero_gradient(name):
    inner = from_keras(name)
    with tf.GradientTape() as tape:
        gradient = tf.zeros(3)
        tape.watch(gradient)
        weights = [tf.ones(3)]
        (after,), _ = inner.update([gradient], inner.init(weights), weights, 0)
    assert np.isfinite(tape.gradient(after, gradient)).all()


@pytest.mark.parametrize("clip", ["clipnorm", "global_clipnorm"])
def test_clipping_has_a_finite_gradient_at_a_zero_gradient(clip):
    inner = from_keras(optimizers.SGD(0.1, **{clip: 1.0}))
    with tf.GradientTape() as tape:
        gradient = tf.zeros(3)
        tape.watch(gradient)
        (after,), _ = inner.update([gradient], [()], [tf.ones(3)], 0)
    np.testing.assert_allclose(tape.gradient(after, gradient), -0.1)


def test_eps_root_can_be_set():
    inner = from_keras(optimizers.Adam(0.01), eps_root=1e-8)
    assert isinstance(inner, Adam)
    assert inner.eps_root == 1e-8


def test_unwraps_loss_scaling():
    inner = from_keras(optimizers.LossScaleOptimizer(optimizers.Adam(0.01)))
    assert inner.learning_rate == pytest.approx(0.01)


def test_refuses_an_optimizer_whose_step_is_more_than_one_for_each_weight():
    class Own(optimizers.Nadam):
        """A user's own."""

    with pytest.raises(ValueError, match=r"Own has no differentiable form.*another"):
        from_keras(Own(), [keras.Variable(np.ones(2))])


@pytest.mark.skipif(
    not hasattr(optimizers, "MultiOptimizer"), reason="this Keras has no MultiOptimizer"
)
def test_refuses_several_optimizers_in_one():
    variables = [keras.Variable(np.ones(2)), keras.Variable(np.ones(3))]
    parts = [(optimizers.SGD(0.1), variables[:1]), (optimizers.Adam(), variables[1:])]
    with pytest.raises(ValueError, match="MultiOptimizer has no differentiable form"):
        from_keras(optimizers.MultiOptimizer(parts), variables)


def test_refuses_an_optimizer_whose_state_begins_with_the_weights():
    class Averaged(optimizers.SGD):
        def build(self, variables):
            super().build(variables)
            for variable in variables:
                slot = self.add_variable_from_reference(variable, name="first")
                slot.assign(variable)

    with pytest.raises(ValueError, match="begins with a student's weights"):
        from_keras(Averaged(0.1), [keras.Variable(np.arange(2.0))])


def test_refuses_an_optimizer_whose_state_keras_does_not_know():
    class Own(optimizers.SGD):
        def build(self, variables):
            super().build(variables)
            self.own = [tf.Variable(tf.zeros(v.shape)) for v in variables]

        def update_step(self, gradient, variable, learning_rate):
            self.own[0].assign_add(gradient)
            super().update_step(self.own[0], variable, learning_rate)

    with pytest.raises(ValueError, match="in variables that are not Keras's"):
        from_keras(Own(0.1), [keras.Variable(np.ones(2, "float32"))])


def test_an_optimizers_own_weight_decay_is_kept():
    class Twice(optimizers.Adagrad):
        def _apply_weight_decay(self, variables):
            for variable in variables:
                variable.assign(variable - 2 * self.weight_decay * variable)

    variable = keras.Variable(np.ones(2))
    inner = from_keras(Twice(0.1, weight_decay=0.25), [variable])
    weights = [tf.ones(2)]
    after, _ = inner.update([tf.zeros(2)], inner.init(weights), weights, 0)
    np.testing.assert_allclose(after[0], 0.5)


def test_constraints_and_loss_scaling_are_left_to_the_student():
    variable = keras.Variable(np.ones(2))
    variable.constraint = keras.constraints.MinMaxNorm(0, 0.1, rate=0.5)
    scaled, plain = (
        from_keras(optimizers.Adagrad(0.1, loss_scale_factor=scale), [variable])
        for scale in (1024.0, None)
    )
    weights, gradients = [tf.ones(2)], [tf.constant([0.5, 1.0])]
    found, expected = (
        inner.update(gradients, inner.init(weights), weights, 0)[0][0]
        for inner in (scaled, plain)
    )
    np.testing.assert_array_equal(found, expected)
    assert np.linalg.norm(found) > 1


def test_a_rate_that_begins_at_zero_has_a_derivative():
    rate = optimizers.schedules.CosineDecay(0.0, 10, warmup_target=0.1, warmup_steps=10)
    from_keras(
        optimizers.Adagrad(rate), [keras.Variable(np.ones(2))]
    ).check_derivative()


def test_refuses_an_optimizer_whose_config_is_not_whole():
    class Lossy(optimizers.Adam):
        def __init__(self, factor=2.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

    with pytest.raises(ValueError, match="lacks factor. Add them in its `get_config`"):
        from_keras(Lossy(3.0), [keras.Variable(np.ones(2))])


def test_needs_the_variables_of_other_optimizers():
    with pytest.raises(ValueError, match=r"Adagrad needs.*Pass `variables`"):
        from_keras(optimizers.Adagrad())


def test_a_shared_schedule_leaves_the_optimizer_as_it_was():
    schedule = Own()
    for optimizer in optimizers.Lamb(schedule), optimizers.Adam(schedule):
        variables = [keras.Variable(np.ones(2))]
        optimizer.build(variables)
        before = list(optimizer.variables)
        from_keras(optimizer, variables)
        assert optimizer._learning_rate is schedule
        assert list(map(id, optimizer.variables)) == list(map(id, before))


@pytest.mark.parametrize(
    "optimizer",
    [
        optimizers.Adagrad(0.1),
        DoubledAdam(0.01),
        optimizers.Nadam(0.1),
        optimizers.Adagrad(lambda: 0.1),
    ],
    ids=lambda optimizer: optimizer.name,
)
def test_any_optimizers_gradients_are_those_of_differences(float64, optimizer):
    variables = [keras.Variable(np.array([0.5, -1.0, 2.0]))]
    inner = from_keras(optimizer, variables)
    start = [tf.constant([1.0, 2.0, 3.0], tf.float64)]

    def after_three_steps(scale):
        weights, slots = start, inner.init(start)
        for step in range(3):
            gradient = scale * weights[0] + step * scale**2
            weights, slots = inner.update([gradient], slots, weights, step)
        return tf.reduce_sum(weights[0] * [1.0, 10.0, 100.0])

    scale = tf.constant([0.3, 0.7, 1.1], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(scale)
        total = after_three_steps(scale)
    direction = np.array([1.0, -2.0, 0.5])
    up, down = (after_three_steps(scale + h * direction) for h in (1e-6, -1e-6))
    found = np.sum(tape.gradient(total, scale) * direction)
    assert found == pytest.approx((up - down).numpy() / 2e-6, rel=1e-4)
    assert len(inner.mean_squares(inner.init(start))) == 1


@pytest.mark.parametrize(
    ("option", "value"), [("use_ema", True), ("gradient_accumulation_steps", 4)]
)
def test_refuses_options_without_differentiable_form(option, value):
    with pytest.raises(ValueError, match=f"{option}={value}.*Set {option}="):
        from_keras(optimizers.Adam(**{option: value}))
