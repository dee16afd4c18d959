"""Inner training of Keras models against closed forms and finite differences."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypergradients.test_adjoint_scan import FEATURES, FIVE_STEPS, TARGETS, WEIGHTS
from models import make_student

from tfcommentaries import Commentary, ExampleWeighting, UnrolledTraining, teachers
from tfcommentaries.hypergradients import unrolled_training
from tfcommentaries.hypergradients.adjoint_scan import adjoint_scan, plain_scan
from tfcommentaries.hypergradients.training_layer import stack_of_steps
from tfcommentaries.students import FunctionalStudent


class RawWeights(Commentary):
    """One weight for each of the first six rows, as it is."""

    def __init__(self, weights):
        super().__init__(dtype="float64")
        self.raw = self.add_weight(
            shape=(len(weights),), initializer=lambda shape, dtype: tf.constant(weights)
        )

    def call(self, x, y=None, progress=None):
        distance = tf.reduce_sum((x[:, None] - FEATURES[:6]) ** 2, -1)
        return tf.gather(tf.convert_to_tensor(self.raw), tf.argmin(distance, -1))

    def apply(self, annotation, x, y, sample_weight=None):
        return x, y, annotation


def half_squared_error(y_true, y_pred):
    return 0.5 * tf.reduce_sum((y_true - y_pred) ** 2, -1)


def ridge():
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(
                1,
                use_bias=False,
                kernel_initializer="zeros",
                kernel_regularizer=keras.regularizers.L2(0.05),
            ),
        ]
    )
    model.compile(keras.optimizers.SGD(0.5), half_squared_error)
    student = FunctionalStudent(model)
    student.build(FEATURES[:6], TARGETS[:6, None])
    return student


def repeat(array, steps):
    return np.repeat(array[None], steps, 0)


def test_keras_ridge_regression_gives_the_published_digits(float64):
    student = ridge()
    commentary = RawWeights(WEIGHTS)
    train = UnrolledTraining().bind(commentary, student)
    phi = [tf.constant(WEIGHTS)]
    batches = repeat(FEATURES[:6], 5), repeat(TARGETS[:6, None], 5)
    with tf.GradientTape() as tape:
        tape.watch(phi)
        weights = train(phi, student.weights, batches)
        outputs, _ = student.predict(weights, FEATURES[6:])
        loss = tf.reduce_sum((outputs[:, 0] - TARGETS[6:]) ** 2) / 8
    np.testing.assert_allclose(tape.gradient(loss, phi)[0], FIVE_STEPS, atol=1e-8)


def problem(optimizer, dropout=0.0):
    """A student with batch norm, dropout and regularisation."""
    dtype = keras.config.floatx()
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(7, kernel_regularizer="l2"),
            layers.BatchNormalization(momentum=0.8),
            layers.Activation("tanh"),
            layers.Dropout(dropout),
            layers.Dense(3),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss)
    generator = np.random.default_rng(1)
    x = generator.normal(size=(6, 4, 5)).astype(dtype)
    y = generator.integers(0, 3, (6, 4))
    teacher = teachers.mlp((9,), units=(4,), dtype=dtype)
    commentary = ExampleWeighting(teacher, curriculum=True, num_classes=3, dtype=dtype)
    commentary(x[0], y=y[0], progress=0.0)
    for variable in commentary.trainable_variables:
        variable.assign(generator.normal(size=variable.shape) * 0.5)
    student = FunctionalStudent(model)
    student.build(x[0], y[0])
    return commentary, student, (x, y)


def outer(student, weights, batches, training):
    loss, _ = student.loss(weights, batches[0][0], batches[1][0], training=training)
    return loss


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.SGD(0.2, momentum=0.9, nesterov=True),
        keras.optimizers.Adam(0.01),
        keras.optimizers.RMSprop(0.01, momentum=0.5),
    ],
    ids=lambda o: o.name,
)
def test_agrees_with_finite_differences(float64, optimizer, training):
    commentary, student, batches = problem(optimizer, dropout=0.3)
    train = UnrolledTraining().bind(commentary, student)
    initial = student.weights

    @tf.function(autograph=False)
    def loss_of(phi):
        return outer(student, train(phi, initial, batches), batches, training)

    phi = [tf.convert_to_tensor(v) for v in commentary.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(phi)
        loss = loss_of(phi)
    gradient = tape.gradient(loss, phi)
    generator = np.random.default_rng(2)
    for _ in range(3):
        direction = [generator.normal(size=p.shape) for p in phi]
        h = 1e-5
        up, down = (
            loss_of([p + s * h * d for p, d in zip(phi, direction)]) for s in (1, -1)
        )
        expected = float(up - down) / (2 * h)
        found = sum(float(tf.reduce_sum(g * d)) for g, d in zip(gradient, direction))
        assert found == pytest.approx(expected, rel=1e-5, abs=1e-7)


def gradients(train, commentary, student, batches):
    @tf.function(autograph=False)
    def compute():
        phi = [tf.convert_to_tensor(v) for v in commentary.trainable_variables]
        initial = student.weights
        with tf.GradientTape() as tape:
            tape.watch([phi, initial.trainable])
            weights = train(phi, initial, batches)
            loss = outer(student, weights, batches, True)
        return tape.gradient(loss, [phi, initial.trainable])

    return compute()


@functools.cache
def gradients_of_one_tape():
    keras.utils.set_random_seed(0)
    commentary, student, batches = problem(keras.optimizers.Adam(0.01), dropout=0.3)
    layer = UnrolledTraining().bind(commentary, student)

    def reference(phi, initial, batches):
        batches, progress = stack_of_steps(batches)
        annotations = layer.problem.annotate(phi, batches, progress)
        state = layer.problem.initial_state(initial)
        step = layer.step_of(state, batches, 0)
        flat = plain_scan(step, [], annotations, tf.nest.flatten(state), 0, 6)
        return tf.nest.pack_sequence_as(state, flat).weights

    return gradients(reference, commentary, student, batches)


@pytest.mark.parametrize("interval", [0, 1, 2, None, 6])
def test_equals_one_tape_over_the_loop_whatever_is_kept(float64, interval):
    expected = gradients_of_one_tape()
    keras.utils.set_random_seed(0)
    commentary, student, batches = problem(keras.optimizers.Adam(0.01), dropout=0.3)
    layer = UnrolledTraining(checkpoint_interval=interval).bind(commentary, student)
    found = gradients(layer, commentary, student, batches)
    tf.nest.map_structure(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-12),
        found,
        expected,
    )


def test_truncation_differentiates_the_last_steps_only(float64):
    commentary, student, batches = problem(keras.optimizers.SGD(0.2))
    layer = UnrolledTraining(truncate=2).bind(commentary, student)
    by_phi, by_initial = gradients(layer, commentary, student, batches)
    # The same as starting from the weights after four steps.
    whole = UnrolledTraining().bind(commentary, student)
    phi = [tf.convert_to_tensor(v) for v in commentary.trainable_variables]
    progress = tf.range(6, dtype=tf.float32) / 6
    middle = whole(phi, student.weights, [b[:4] for b in batches], progress[:4])
    with tf.GradientTape() as tape:
        tape.watch(phi)
        weights = whole(phi, middle, [b[4:] for b in batches], progress[4:])
        loss = outer(student, weights, batches, True)
    for found, expected in zip(by_phi, tape.gradient(loss, phi)):
        np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert by_initial == [None] * len(by_initial)


def test_truncation_longer_than_training_is_no_truncation(float64):
    commentary, student, batches = problem(keras.optimizers.SGD(0.2))
    found, expected = (
        gradients(
            UnrolledTraining(truncate=t).bind(commentary, student),
            commentary,
            student,
            batches,
        )[0]
        for t in (100, None)
    )
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("eps_root", [1e-20, 1e-8])
def test_adam_is_finite_where_a_gradient_is_exactly_zero(eps_root):
    # The bias before batch normalisation.
    commentary, student, batches = problem(keras.optimizers.Adam(0.01))
    layer = UnrolledTraining(eps_root=eps_root).bind(commentary, student)
    by_phi, _ = gradients(layer, commentary, student, batches)
    norm = float(tf.linalg.global_norm(by_phi))
    assert np.isfinite(norm)
    assert norm < 100


def test_trains_as_keras_does(float64, vectors):
    x, y = vectors
    _, student, _ = problem(keras.optimizers.Adam(0.01))
    layer = UnrolledTraining(eps_root=1e-20).bind(None, student)
    trained = layer([], student.weights, (repeat(x, 9), repeat(y, 9)))
    student.model.fit(x, y, batch_size=12, epochs=9, shuffle=False, verbose=0)
    for ours, kerass in zip(trained.trainable, student.model.trainable_variables):
        np.testing.assert_allclose(ours, kerass, atol=1e-6)
    for ours, kerass in zip(
        trained.non_trainable, student.model.non_trainable_variables
    ):
        np.testing.assert_allclose(ours, kerass, atol=1e-6)


def test_rejects_batches_of_different_lengths():
    commentary, student, (x, y) = problem(keras.optimizers.SGD(0.1))
    layer = UnrolledTraining().bind(commentary, student)
    with pytest.raises(ValueError, match=r"same number of inner steps.*\[5, 6\]"):
        layer([], student.weights, (x, y[:5]))


def test_loss_after_every_step_is_the_mean_over_shorter_trainings(float64):
    commentary, student, batches = problem(keras.optimizers.SGD(0.2))
    layer = UnrolledTraining().bind(commentary, student)
    phi = [tf.convert_to_tensor(v) for v in commentary.trainable_variables]
    progress = tf.range(6, dtype=tf.float32) / 6
    state = layer.problem.initial_state(student.weights)

    def measure(weights):
        return outer(student, weights, batches, True)

    with tf.GradientTape() as tape:
        tape.watch(phi)
        _, mean = layer.go_on(phi, state, batches, progress, measure=measure)
    with tf.GradientTape() as shorter:
        shorter.watch(phi)
        losses = []
        for n in range(1, 7):
            first = [b[:n] for b in batches]
            losses.append(measure(layer(phi, student.weights, first, progress[:n])))
        expected = sum(losses) / 6
    np.testing.assert_allclose(mean, expected, rtol=1e-10)
    for a, b in zip(tape.gradient(mean, phi), shorter.gradient(expected, phi)):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("budget, everything", [(2**28, True), (2**12, False)])
@pytest.mark.parametrize("in_graph", [False, True])
def test_keeps_everything_where_it_fits_into_the_budget(
    budget, everything, in_graph, monkeypatch
):
    commentary, student, batches = problem(keras.optimizers.SGD(0.2))
    layer = UnrolledTraining(memory_budget=budget).bind(commentary, student)
    scans = []

    def scan(*arguments):
        scans.append(arguments)
        return adjoint_scan(*arguments)

    monkeypatch.setattr(unrolled_training, "adjoint_scan", scan)

    def learn():
        return gradients(layer, commentary, student, batches)

    (tf.function(learn, autograph=False) if in_graph else learn)()
    assert bool(scans) != everything


def test_what_a_step_keeps_does_not_depend_on_the_data_of_the_others(vectors):
    x, y = vectors
    student = FunctionalStudent(make_student((5,), 3))
    student.build(x, y)
    layer = UnrolledTraining().bind(None, student)
    state = layer.problem.initial_state(student.weights)

    def kept(steps):
        batches = tf.constant(repeat(x, steps)), tf.constant(repeat(y, steps))
        step = layer.step_of(state, batches, 0).get_concrete_function(
            [], [], tf.nest.flatten(state), tf.constant(0)
        )
        return unrolled_training._bytes_kept(step.graph.get_operations())

    assert 0 < kept(1000) == kept(3)


@pytest.mark.parametrize("least, name", [(0, "checkpoint_interval"), (1, "truncate")])
def test_rejects_less_than_one_step(least, name):
    with pytest.raises(ValueError, match=f"`{name}` must be at least {least}"):
        UnrolledTraining(**{name: least - 1})
