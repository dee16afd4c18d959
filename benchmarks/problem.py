"""The same numbers for every engine: data, and weights of student and teacher.

The student is the paper's CBR net on 32x32x3 images with 10 classes: twice
convolution (5x5, then 3x3, stride 2, no bias), batch normalisation in training
mode, ReLU, 3x3 max-pool with stride 2; then a dense layer. The teacher is the same
on 4 channels (one is progress) with group normalisation in one group; one logit. All
padding is TensorFlow's SAME. Weights are divided by their batch mean. The student
trains with Adam at 1e-3; the outer loss is on one batch.

A second student, for vectors of 64 features, has two dense layers of 128 units with
ReLU and a third of 10; its teacher sees progress as a 65th feature and has layers of
128 and 64 units and one logit.

A third reads 32 words of 500: embedding, one block of a transformer of width 64 (layer
normalisation, attention with four heads, and again, a hidden layer of 128 with ReLU;
each added to what came in), mean over the words, dense layer. Its teacher takes the
mean of an embedding of its own, and progress, through a layer of 64 units to one logit.
"""

import itertools

import numpy as np

LEARNING_RATE = 1e-3
EPSILON = 1e-7  # Adam's
CHECK_EPSILON = 1e-3  # Adam's where frameworks are compared; see RESULTS.md
MOMENTUM = 0.9
NORM_EPSILON = 1e-3
CLASSES = 10
WORDS, LENGTH, WIDTH, HEADS, HIDDEN = 500, 32, 64, 4, 128


def make(steps, batch, student="cbr", seed=0):
    """Gives a dict: name, arrays x, y, validation, student and teacher weights.

    Args:
        steps: inner steps.
        batch: examples per step.
        student: `"mlp"` for vectors, `"transformer"` for words; others get images and
            the weights of CBR nets.
        seed: of all numbers.
    """
    generator = np.random.default_rng(seed)

    def normal(*shape):
        scale = np.sqrt(2 / np.prod(shape[:-1]))
        return (scale * generator.normal(size=shape)).astype("float32")

    def net(channels, flat, outputs):
        weights = []
        for size, before, after in ((5, channels, 32), (3, 32, 64)):
            weights += [normal(size, size, before, after)]
            weights += [np.ones(after, "float32"), np.zeros(after, "float32")]
        return [*weights, normal(flat, outputs), np.zeros(outputs, "float32")]

    def dense(*sizes):
        layers = itertools.pairwise(sizes)
        return [w for n, m in layers for w in (normal(n, m), np.zeros(m, "float32"))]

    def block():
        size = WIDTH // HEADS
        scales = [np.ones(WIDTH, "float32"), np.zeros(WIDTH, "float32")]
        projections = [
            part
            for _ in range(3)
            for part in (normal(WIDTH, HEADS, size), np.zeros((HEADS, size), "float32"))
        ]
        output = [normal(HEADS, size, WIDTH), np.zeros(WIDTH, "float32")]
        layers = dense(WIDTH, HIDDEN, WIDTH)
        return [*scales, *projections, *output, *scales, *layers]

    def inputs(*shape):
        if student == "transformer":
            return generator.integers(0, WORDS, (*shape, LENGTH)).astype("int32")
        one = (64,) if student == "mlp" else (32, 32, 3)
        return generator.random((*shape, *one), "float32")

    if student == "mlp":
        networks = dense(64, 128, 128, CLASSES), dense(65, 128, 64, 1)
    elif student == "transformer":
        networks = (
            [normal(WORDS, WIDTH), *block(), *dense(WIDTH, CLASSES)],
            [normal(WORDS, 32), *dense(33, 64, 1)],
        )
    else:
        networks = net(3, 2 * 2 * 64, CLASSES), net(4, 2 * 2 * 64, 1)
    problem = {
        "name": student,
        "x": inputs(steps, batch),
        "y": generator.integers(0, CLASSES, (steps, batch)),
        "x_val": inputs(64),
        "y_val": generator.integers(0, CLASSES, 64),
    }
    for name, weights in zip(("student", "teacher"), networks):
        problem |= {f"{name}_{i}": w for i, w in enumerate(weights)}
    return problem


def weights(problem, name):
    """The weights of `"student"` or `"teacher"`, in order."""
    count = sum(key.startswith(f"{name}_") for key in problem)
    return [problem[f"{name}_{i}"] for i in range(count)]
