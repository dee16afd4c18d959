"""All that an outer step runs has a GPU kernel, as TensorFlow tells without a GPU."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import kernels

from tfcommentaries import (
    AttentionMask,
    CommentaryLearner,
    ExampleWeighting,
    FewShotLearner,
    GroupWeighting,
    ImplicitTraining,
    LabelBlending,
    LossWeighting,
    SoftLabels,
    UnrolledTraining,
)
from tfcommentaries.students import FunctionalStudent, StudentWeights

pytestmark = pytest.mark.skipif(
    not tf.test.is_built_with_cuda(), reason="this TensorFlow was built without CUDA"
)
#: Ops without a kernel of their own: they run functions, whose ops are looked at.
CALLS = {"PartitionedCall", "StatefulPartitionedCall", "While", "StatelessWhile"}
CALLS |= {"If", "StatelessIf"}
#: Inputs and outputs of functions, and values that functions capture.
ENDS = {"Placeholder", "_Arg", "_Retval", "NoOp"}


def nodes_of(function):
    graph = function.graph.as_graph_def()
    yield from graph.node
    for inner in graph.library.function:
        yield from inner.node_def


def is_message(node):
    string = node.attr["dtype"].type == tf.string.as_datatype_enum
    return node.op == "Const" and string and "/Assert/" in node.name


kernels_for = functools.cache(kernels.get_registered_kernels_for_op)


def runs_on_gpu(node):
    """Whether a kernel for GPUs, or for any device, takes the node's types."""
    for kernel in kernels_for(node.op).kernel:
        if kernel.device_type in ("GPU", "DEFAULT") and all(
            node.attr[c.name].type in c.allowed_values.list.type
            for c in kernel.constraint
            if node.attr[c.name].type
        ):
            return True
    return False


def check(function, at_least):
    # The messages of assertions stay on the host, with the labels that they check once
    # an outer step; XLA leaves them out.
    nodes = [
        n for n in nodes_of(function) if n.op not in CALLS | ENDS and not is_message(n)
    ]
    assert len(nodes) > at_least
    lacking = {
        (n.op, *sorted(tf.as_dtype(a.type).name for a in n.attr.values() if a.type))
        for n in nodes
        if not runs_on_gpu(n)
    }
    assert not lacking


def convolutional(loss=keras.losses.SparseCategoricalCrossentropy):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(10),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-3), loss(from_logits=True))
    return model


def check_learner(commentary, student, inner_training=None, one_hot=False, beside=None):
    """Checks an outer step of a learner, all but reading data.

    `beside` is a dict of what training inputs have beside the images.
    """
    learner = CommentaryLearner(commentary, student, inner_training, inner_steps=3)
    learner.compile(metrics=["accuracy"])
    generator = np.random.default_rng(0)
    x = tf.constant(generator.uniform(size=(1, 3, 8, 8, 8, 1)).astype("float32"))
    y = tf.constant(generator.integers(0, 10, size=(1, 3, 8)))
    y = tf.one_hot(y, 10) if one_hot else y
    train = x, y
    validation = x[:, 0], y[:, 0]
    if beside is not None:
        train = {"x": x, **{key: tf.constant(v) for key, v in beside.items()}}, y
    first = tf.nest.map_structure(lambda t: t[0, 0], train)
    learner._prepare(first, tf.nest.map_structure(lambda t: t[0], validation))
    specs = tf.nest.map_structure(tf.TensorSpec.from_tensor, (train, validation))
    step = tf.function(learner.train_step, autograph=False)
    check(step.get_concrete_function(specs), 500)


ESTIMATORS = {
    "everything kept": UnrolledTraining(checkpoint_interval=0),
    "states kept": UnrolledTraining(checkpoint_interval=1),
    "implicit": ImplicitTraining(),
    "conjugate gradients": ImplicitTraining(solver="cg"),
    "nystrom": ImplicitTraining(solver="nystrom"),
    "differences": ImplicitTraining(products="finite_difference", preconditioned=True),
}


@pytest.mark.parametrize("inner_training", ESTIMATORS.values(), ids=ESTIMATORS)
def test_estimators(inner_training):
    weighting = ExampleWeighting(num_classes=10)
    check_learner(weighting, convolutional(), inner_training)


@pytest.mark.parametrize("inner_training", ESTIMATORS.values(), ids=ESTIMATORS)
def test_xla_lowers_hypergradients_for_a_gpu(inner_training):
    """With no GPU there: its compiler's input is made, not its code."""
    weighting = ExampleWeighting(num_classes=10)
    x, y = tf.zeros([2, 4, 8, 8, 1]), tf.zeros([2, 4], tf.int64)
    weighting(x[0], y=y[0])
    student = FunctionalStudent(convolutional())
    student.build(x[0], y[0])
    train = inner_training.bind(weighting, student)

    # Of tensors alone: TensorFlow does not lower what holds variables.
    @tf.function(jit_compile=True, autograph=False)
    def hypergradient(phi, trainable, non_trainable, x, y):
        with tf.GradientTape() as tape:
            tape.watch(phi)
            trained = train(phi, StudentWeights(trainable, non_trainable), (x, y))
            loss, _ = student.loss(trained, x[0], y[0])
        return tape.gradient(loss, phi)

    phi = [tf.convert_to_tensor(v) for v in weighting.trainable_variables]
    lower = hypergradient.experimental_get_compiler_ir(phi, *student.weights, x, y)
    assert "f32[4,8,8,1]" in lower(stage="hlo", platform_name="GPU")


@pytest.mark.parametrize("kind", [AttentionMask, LossWeighting])
def test_kinds(kind):
    check_learner(kind(), convolutional())


def test_sources():
    weighting = GroupWeighting(["a", "b", "c"])
    beside = {"group_index": np.ones((1, 3, 8), "int32")}
    check_learner(weighting, convolutional(), beside=beside)


@pytest.mark.parametrize("kind", [LabelBlending, SoftLabels])
def test_kinds_that_change_labels(kind):
    student = convolutional(keras.losses.CategoricalCrossentropy)
    check_learner(kind(10), student, one_hot=kind is LabelBlending)


def test_few_shots():
    learner = FewShotLearner(convolutional(), ExampleWeighting(), inner_steps=2)
    learner.compile()
    x, y = tf.zeros([2, 4, 8, 8, 1]), tf.zeros([2, 4], tf.int64)
    learner._build(((x[0], y[0]), (x[0], y[0])))
    learner._tasks_per_step = 2
    specs = tf.nest.map_structure(tf.TensorSpec.from_tensor, ((x, y), (x, y)))
    step = tf.function(learner.train_step, autograph=False)
    check(step.get_concrete_function(specs), 500)
