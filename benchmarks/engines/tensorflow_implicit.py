"""One hyperstep by tfcommentaries' implicit differentiation, ResNet-18."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

from benchmarks import problem as numbers
from benchmarks.engines.tensorflow_engine import gpu_mb
from tfcommentaries import ExampleWeighting, ImplicitTraining, students
from tfcommentaries.hypergradients.solvers import Neumann
from tfcommentaries.students import FunctionalStudent

__all__ = ["gpu_mb", "prepare"]

TRAININGS = {
    "neumann": ImplicitTraining(solver=Neumann(1, numbers.LEARNING_RATE)),
    "neumann_reverse": ImplicitTraining(
        solver=Neumann(1, numbers.LEARNING_RATE), products="reverse"
    ),
    "finite_difference": ImplicitTraining(
        solver="identity", products="finite_difference"
    ),
}


def prepare(problem, estimator):
    """Gives a function that runs once and returns NumPy arrays.

    Args:
        problem: from `benchmarks.problem.make`.
        estimator: `"plain"`: one training step without commentary; else one
            hyperstep: a training step with commentary, the gradient of the outer
            loss, and the hypergradient, by a key of `TRAININGS`. `"_xla"` behind it
            compiles it with XLA.
    """
    xla = estimator.endswith("_xla")
    estimator = estimator.removesuffix("_xla")
    model = students.resnet18((32, 32, 3), numbers.CLASSES)
    model.compile(
        keras.optimizers.SGD(numbers.LEARNING_RATE, numbers.MOMENTUM),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    x, y = tf.constant(problem["x"][:1]), tf.constant(problem["y"][:1])
    batch = y.shape[1]
    x_val = tf.constant(problem["x_val"][:batch])
    y_val = tf.constant(problem["y_val"][:batch])
    student = FunctionalStudent(model)
    commentary = ExampleWeighting()
    commentary(x[0], progress=0.0)
    training = TRAININGS.get(estimator, ImplicitTraining())
    layer = training.bind(None if estimator == "plain" else commentary, student)

    @tf.function(jit_compile=xla)
    def plain():
        state = layer.problem.initial_state(student.weights)
        state = layer.problem.step([], state, (x[0], y[0]), 0)
        return state.weights.trainable

    @tf.function(jit_compile=xla)
    def hyperstep():
        phi = [tf.convert_to_tensor(v) for v in commentary.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(phi)
            weights = layer(phi, student.weights, (x, y))
            loss, _ = student.loss(weights, x_val, y_val)
        return [*tape.gradient(loss, phi), *weights.trainable]

    compute = plain if estimator == "plain" else hyperstep
    return lambda: [t.numpy() for t in compute()]
