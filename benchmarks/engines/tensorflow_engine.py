"""tfcommentaries, one tape over the whole loop, and implicit differentiation."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

from benchmarks import problem as numbers
from tfcommentaries import (
    ExampleWeighting,
    ImplicitTraining,
    UnrolledTraining,
    students,
)
from tfcommentaries.hypergradients.adjoint_scan import plain_scan
from tfcommentaries.hypergradients.solvers import Neumann
from tfcommentaries.hypergradients.training_layer import stack_of_steps
from tfcommentaries.optimizers import SGD, Adam
from tfcommentaries.students import FunctionalStudent

tf.config.experimental.enable_tensor_float_32_execution(False)

#: What students train with where frameworks are compared.
CHECKS = {
    "momentum": SGD(numbers.LEARNING_RATE, numbers.MOMENTUM),
    "adam": Adam(numbers.LEARNING_RATE, epsilon=numbers.CHECK_EPSILON),
}
_NEUMANN = Neumann(1, numbers.LEARNING_RATE)
IMPLICIT = {
    "neumann": ImplicitTraining(solver=_NEUMANN),
    "neumann_reverse": ImplicitTraining(solver=_NEUMANN, products="reverse"),
    "finite_difference": ImplicitTraining(
        solver="identity", products="finite_difference"
    ),
}


def gpu_mb():
    """Peak of the GPU's memory that tensors took, or None without one."""
    if not tf.config.list_logical_devices("GPU"):
        return None
    return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20


def dense(weights):
    """A network of dense layers of the sizes of these weights."""
    kernels = weights[::2]
    layers = [keras.layers.Dense(k.shape[1], "relu") for k in kernels[:-1]]
    last = keras.layers.Dense(kernels[-1].shape[1])
    return keras.Sequential([keras.Input((len(kernels[0]),)), *layers, last])


def transformer():
    """The student of words of `benchmarks.problem`."""
    layers = keras.layers
    words = keras.Input((numbers.LENGTH,), dtype="int32")
    x = layers.Embedding(numbers.WORDS, numbers.WIDTH)(words)
    seen = layers.LayerNormalization(epsilon=numbers.NORM_EPSILON)(x)
    size = numbers.WIDTH // numbers.HEADS
    x = layers.Add()([x, layers.MultiHeadAttention(numbers.HEADS, size)(seen, seen)])
    seen = layers.LayerNormalization(epsilon=numbers.NORM_EPSILON)(x)
    hidden = layers.Dense(numbers.HIDDEN, "relu")(seen)
    x = layers.Add()([x, layers.Dense(numbers.WIDTH)(hidden)])
    pooled = layers.GlobalAveragePooling1D()(x)
    return keras.Model(words, layers.Dense(numbers.CLASSES)(pooled))


def teacher_of_words():
    """Its teacher."""
    layers = keras.layers
    words = keras.Input((numbers.LENGTH,), dtype="int32", name="x")
    progress = keras.Input((1,), name="progress")
    pooled = layers.GlobalAveragePooling1D()(layers.Embedding(numbers.WORDS, 32)(words))
    seen = layers.Concatenate()([pooled, progress])
    logit = layers.Dense(1)(layers.Dense(64, "relu")(seen))
    return keras.Model({"x": words, "progress": progress}, logit)


def make_student(problem):
    """The student of a problem, not compiled, with its weights."""
    weights = numbers.weights(problem, "student")
    if problem["name"] == "resnet18":
        return students.resnet18((32, 32, 3), numbers.CLASSES)
    if problem["name"] == "transformer":
        model = transformer()
    elif problem["name"] == "mlp":
        model = dense(weights)
    else:
        model = students.cbr((32, 32, 3), numbers.CLASSES)
    for variable, value in zip(model.trainable_variables, weights, strict=True):
        variable.assign(value)
    return model


def make_commentary(problem):
    """The commentary of a problem, with its weights."""
    weights = numbers.weights(problem, "teacher")
    commentary = ExampleWeighting(curriculum=True)
    if problem["name"] == "transformer":
        commentary = ExampleWeighting(
            teacher_of_words(), conditioning="dict", curriculum=True
        )
    elif problem["name"] == "mlp":
        commentary = ExampleWeighting(dense(weights), curriculum=True)
    commentary(problem["x"][0], progress=0.0)
    for variable, value in zip(commentary.trainable_variables, weights, strict=True):
        variable.assign(value)
    return commentary


class Case:
    """One student with one estimator.

    Args:
        model: a compiled `keras.Model`, the student.
        commentary: the commentary.
        problem: from `benchmarks.problem.make`.
        training: `UnrolledTraining` or `ImplicitTraining`.
        plain_training: `UnrolledTraining` of what is not differentiated.
        xla: whether XLA compiles.
    """

    def __init__(self, model, commentary, problem, training, plain_training, xla):
        x, y, x_val, y_val = (
            tf.constant(problem[name]) for name in ("x", "y", "x_val", "y_val")
        )
        if problem["name"] == "resnet18":
            x_val, y_val = x_val[: x.shape[1]], y_val[: x.shape[1]]
        self.batches, self.validation = (x, y), (x_val, y_val)
        self.commentary, self.student = commentary, FunctionalStudent(model)
        self.student.build(x[0], y[0])
        self._layer = training.bind(commentary, self.student)
        self._layers_of_plain = [
            plain_training.bind(c, self.student) for c in (None, commentary)
        ]
        for name in ("plain", "taught", "hypergradient"):
            function = getattr(self, f"_{name}")
            compiled = tf.function(function, jit_compile=xla, autograph=False)
            setattr(self, name, compiled)

    def _plain(self):
        return self._trained(self._layers_of_plain[0], [])

    def _taught(self):
        return self._trained(self._layers_of_plain[1], self._phi())

    def _trained(self, layer, phi):
        batches, progress = stack_of_steps(self.batches)
        annotations = layer.problem.annotate(phi, batches, progress)
        state = layer.problem.initial_state(self.student.weights)
        step = layer.step_of(state, batches, 0)
        steps = self.batches[0].shape[0]
        flat = plain_scan(step, [], annotations, tf.nest.flatten(state), 0, steps)
        return tf.nest.pack_sequence_as(state, flat).weights.trainable

    def _hypergradient(self):
        phi, scale = self._phi(), self.student.loss_scale
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(phi)
            weights = self._layer(phi, self.student.weights, self.batches)
            loss = scale * self.student.loss(weights, *self.validation)[0]
        found = tape.gradient(loss, phi, unconnected_gradients="zero")
        return [gradient / scale for gradient in found]

    def _phi(self):
        return [tf.convert_to_tensor(v) for v in self.commentary.trainable_variables]


def prepare(problem, estimator):
    """Gives a function that runs once and returns NumPy arrays.

    Args:
        problem: from `benchmarks.problem.make`.
        estimator: `"plain"`: training without commentary; `"taught"`: training with
            it, without a gradient; `"unrolled"`: every state kept; `"checkpointed"`:
            those of every sqrt(T)-th step; `"kept"`: everything, the reference: one
            tape over the loop; or one training step and its hypergradient by a key of
            `IMPLICIT`. `"_xla"` behind it compiles it with XLA; `":momentum"` or
            `":adam"` takes the optimizer of the comparison.
    """
    estimator, _, check = estimator.partition(":")
    xla = estimator.endswith("_xla")
    estimator = estimator.removesuffix("_xla")
    # Without a budget the interval is the root of T. The root is that of the peers'
    # own Adam, for work that is alike.
    options = {"memory_budget": 0, "eps_root": numbers.EPSILON**2}
    unrolled = UnrolledTraining(
        CHECKS.get(check), {"unrolled": 1, "kept": 0}.get(estimator), **options
    )
    if problem["name"] == "resnet18":
        optimizer = keras.optimizers.SGD(numbers.LEARNING_RATE, numbers.MOMENTUM)
    else:
        optimizer = keras.optimizers.Adam(
            numbers.LEARNING_RATE, epsilon=numbers.EPSILON
        )
    model = make_student(problem)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(True))
    commentary = make_commentary(problem)
    training = IMPLICIT.get(estimator, unrolled)
    case = Case(model, commentary, problem, training, unrolled, xla)
    compute = getattr(case, estimator, case.hypergradient)
    return lambda: [t.numpy() for t in compute()]
