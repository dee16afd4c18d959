"""What implicit solvers see of the steps ahead, before training has converged.

Run it from the project's root; see docs/hypergradients.md:

    python -m benchmarks.solvers --data_dir=DIR    # MNIST; without it, digits

A student trains for a while. From there the gradient of its validation loss after some
more steps of Adam, by the commentary, is made by unrolling, and compared with what
implicit differentiation gives at once.
"""

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags
from sklearn.metrics.pairwise import cosine_similarity

from tfcommentaries import (
    ExampleWeighting,
    ImplicitTraining,
    LabelBlending,
    UnrolledTraining,
    datasets,
    students,
)
from tfcommentaries.hypergradients.solvers import (
    ConjugateGradient,
    Identity,
    Neumann,
    Nystrom,
)
from tfcommentaries.students import FunctionalStudent

FLAGS = flags.FLAGS
flags.DEFINE_string("data_dir", None, "TFDS data directory; none: bundled digits.")
flags.DEFINE_multi_integer("trained", [100, 300, 1000], "Steps before the comparison.")
flags.DEFINE_integer("seed", 0, "Of everything.")

SOLVERS = (
    Identity(),
    Neumann(1, 1e-3),
    Neumann(50, 1e-3),
    Neumann(10, 1e-2),
    Neumann(1, 0.1),
    Neumann(1, 0.1, may_grow=True),
    Nystrom(10, damping=1.0),
    ConjugateGradient(10, damping=1.0),
)
BATCH = 64
#: Steps ahead, and how many different futures of so many.
AHEAD = {1: 60, 5: 12, 20: 3, 60: 3}
#: Batches over which an implicit gradient is a mean.
BATCHES = 30


def load():
    """500 training and 500 validation examples; 40 % of other labels random."""
    if FLAGS.data_dir:
        splits = datasets.load_tfds("mnist", FLAGS.data_dir, 500, 500, seed=FLAGS.seed)
    else:
        splits = datasets.load_digits(500, 500, seed=FLAGS.seed)
    noisy, _ = datasets.corrupt_labels(splits.train.y, 0.4, 10, seed=FLAGS.seed)
    return splits.train, noisy, splits.validation


def stack(x, y, steps, seed):
    """So many batches, `(steps, batch, ...)`, labels one-hot."""
    generator = np.random.default_rng(seed)
    rows = np.stack([generator.permutation(len(y))[:BATCH] for _ in range(steps)])
    return tf.constant(x[rows]), tf.one_hot(y[rows], 10)


def compare(commentary, x, y, validation):
    """Cosines of implicit gradients with unrolled ones.

    Args:
        commentary: `Commentary`.
        x: training inputs.
        y: their labels, integers.
        validation: `Examples`.

    Yields:
        `(trained, {solver: {steps ahead: cosine}})`, the solvers by their repr.
    """
    model = students.cbr(x.shape[1:], 10)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    student = FunctionalStudent(model)
    first = stack(x, y, 1, 0)
    student.build(first[0][0], first[1][0])
    commentary.teach(first[0][0], first[1][0], None, 0.0)
    phi = [tf.convert_to_tensor(v) for v in commentary.trainable_variables]
    labels = tf.one_hot(validation.y, 10)
    unrolled = UnrolledTraining().bind(commentary, student)

    def hypergradient(train):
        @tf.function
        def gradient(state, batches):
            with tf.GradientTape() as tape:
                tape.watch(phi)
                weights = train(state, batches)
                outer = loss(labels, student.predict(weights, validation.x)[0])
            return tape.gradient(outer, phi)

        def flat(state, batches):
            found = gradient(state, batches)
            return np.concatenate([np.ravel(g) for g in found])

        return flat

    exact = hypergradient(
        lambda state, batches: unrolled.go_on(phi, state, batches).weights
    )

    def implicit(solver):
        layer = ImplicitTraining(solver=solver).bind(commentary, student)

        def at(state, batches):
            (annotations,) = layer.problem.annotate(phi, batches, tf.zeros([1]))
            batch = tf.nest.map_structure(lambda t: t[0], batches)
            return layer.solution(state.weights, batch, [annotations[0]])

        return hypergradient(at)

    by_solver = {repr(solver): implicit(solver) for solver in SOLVERS}
    state = unrolled.problem.initial_state(student.draw(f"solvers-{FLAGS.seed}"))
    done = 0
    for trained in sorted(FLAGS.trained):
        batches = stack(x, y, trained - done, FLAGS.seed + trained)
        state = unrolled.go_on(phi, state, batches)
        done = trained
        ahead = {
            steps: np.mean(
                [exact(state, stack(x, y, steps, 7000 + k)) for k in range(count)], 0
            )
            for steps, count in AHEAD.items()
        }
        here = [stack(x, y, 1, 99 + k) for k in range(BATCHES)]
        found = {}
        for name, gradient in by_solver.items():
            mean = np.mean([gradient(state, batches) for batches in here], 0)
            cosines = cosine_similarity([mean], list(ahead.values()))[0]
            found[name] = dict(zip(ahead, cosines))
        yield trained, found


def main(_):
    """Both commentaries."""
    train, noisy, validation = load()
    keras.utils.set_random_seed(FLAGS.seed)
    for name, commentary, labels in (
        ("label blending", LabelBlending(10, initial_logit=2.2), train.y),
        (
            "example weights, noisy labels",
            ExampleWeighting(num_classes=10, curriculum=True),
            noisy,
        ),
    ):
        for trained, found in compare(commentary, train.x, labels, validation):
            print(f"{name}, after {trained} steps; cosine {list(AHEAD)} steps ahead")
            for solver, cosines in found.items():
                row = " ".join(f"{cosine:+.2f}" for cosine in cosines.values())
                print(f"  {solver:<64} {row}", flush=True)


if __name__ == "__main__":
    app.run(main)
