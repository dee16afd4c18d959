"""tfcommentaries, and one tape over the whole loop."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

from benchmarks import problem as numbers
from tfcommentaries import ExampleWeighting, UnrolledTraining, students
from tfcommentaries.hypergradients.adjoint_scan import plain_scan
from tfcommentaries.hypergradients.training_layer import stack_of_steps
from tfcommentaries.optimizers import SGD, Adam
from tfcommentaries.students import FunctionalStudent

tf.config.experimental.enable_tensor_float_32_execution(False)

#: What students train with where frameworks are compared.
CHECKS = {
    "momentum": SGD(numbers.LEARNING_RATE, numbers.MOMENTUM),
    "adam": Adam(numbers.LEARNING_RATE, epsilon=numbers.CHECK_EPSILON),
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


def prepare(problem, estimator):
    """Gives a function that runs once and returns NumPy arrays.

    Args:
        problem: from `benchmarks.problem.make`.
        estimator: `"plain"`: training without commentary; `"taught"`: training with
            it, without a gradient; `"unrolled"`: every state kept; `"checkpointed"`:
            those of every sqrt(T)-th step; `"kept"`: everything, the reference: one
            tape over the loop. `"_xla"` behind it compiles it with XLA; `":momentum"`
            or `":adam"` takes the optimizer of the comparison.
    """
    estimator, _, check = estimator.partition(":")
    estimator, _, xla = estimator.partition("_")
    if problem["x"].dtype == "int32":
        model = transformer()
        commentary = ExampleWeighting(teacher_of_words(), conditioning="dict")
    elif problem["x"].ndim == 3:
        model = dense(numbers.weights(problem, "student"))
        commentary = ExampleWeighting(dense(numbers.weights(problem, "teacher")))
    else:
        model = students.cbr((32, 32, 3), numbers.CLASSES)
        commentary = ExampleWeighting()
    model.compile(
        keras.optimizers.Adam(numbers.LEARNING_RATE, epsilon=numbers.EPSILON),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    x, y = tf.constant(problem["x"]), tf.constant(problem["y"])
    x_val, y_val = tf.constant(problem["x_val"]), tf.constant(problem["y_val"])
    student = FunctionalStudent(model)
    student.build(x[0], y[0])
    commentary(x[0], progress=0.0)
    for network, name in ((model, "student"), (commentary, "teacher")):
        for variable, value in zip(
            network.trainable_variables, numbers.weights(problem, name), strict=True
        ):
            variable.assign(value)
    interval = {"unrolled": 1, "kept": 0}.get(estimator)
    # Without a budget the interval is the root of T.
    options = {"checkpoint_interval": interval, "memory_budget": 0}
    # The peers' own Adam, for work that is alike.
    options["eps_root"] = numbers.EPSILON**2
    layer = UnrolledTraining(CHECKS.get(check), **options).bind(
        None if estimator == "plain" else commentary, student
    )

    @tf.function(jit_compile=bool(xla))
    def train():
        if estimator == "plain":
            phi = []
        else:
            phi = [tf.convert_to_tensor(v) for v in commentary.trainable_variables]
        batches, progress = stack_of_steps((x, y))
        annotations = layer.problem.annotate(phi, batches, progress)
        state = layer.problem.initial_state(student.weights)
        step = layer.step_of(state, batches, 0)
        flat = plain_scan(step, [], annotations, tf.nest.flatten(state), 0, x.shape[0])
        return tf.nest.pack_sequence_as(state, flat).weights.trainable

    @tf.function(jit_compile=bool(xla))
    def hypergradient():
        phi = [tf.convert_to_tensor(v) for v in commentary.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(phi)
            weights = layer(phi, student.weights, (x, y))
            loss, _ = student.loss(weights, x_val, y_val)
        return tape.gradient(loss, phi)

    compute = train if estimator in ("plain", "taught") else hypergradient
    return lambda: [t.numpy() for t in compute()]
