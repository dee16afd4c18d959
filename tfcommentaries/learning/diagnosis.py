"""How good estimates of the hypergradient are on your problem."""

from collections.abc import Mapping

import tensorflow as tf

from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.hypergradients import ImplicitTraining, UnrolledTraining
from tfcommentaries.hypergradients.outer_gradient import outer_gradient
from tfcommentaries.students.functional_student import FunctionalStudent
from tfcommentaries.typing import Batch, Tensors
from tfcommentaries.upstream.graph_rewrites import chosen_rewrites


def compare_hypergradients(
    commentary: Commentary,
    student: FunctionalStudent,
    estimators: Mapping[str, UnrolledTraining | ImplicitTraining],
    batches: Batch,
    validation_batch: Batch,
    progress: Tensors = None,
) -> dict[str, dict[str, float]]:
    """Compares estimators of the hypergradient on the same training.

    Example, the error of truncation:

    >>> compare_hypergradients(
    ...     commentary, FunctionalStudent(model),
    ...     {"all": UnrolledTraining(), "last 10": UnrolledTraining(truncate=10)},
    ...     batches, validation_batch)

    Args:
        commentary: a built `Commentary`.
        student: a built `FunctionalStudent`; training starts from its weights.
        estimators: dict from a name to an `UnrolledTraining` or `ImplicitTraining`. The
            others are compared with the first.
        batches: `(x, y)` or `(x, y, sample_weight)`, each `(T, batch, ...)`.
        validation_batch: `(x, y)`.
        progress: as for `TrainingLayer.__call__`.

    Returns:
        A dict from each name to a dict with `norm`; `cosine`, 1 if the direction is
        that of the first estimator; and `distance`, the norm of the difference as a
        fraction of the first one's norm.
    """
    x, y, sample_weight = commentary.untaught(validation_batch)
    phi = [tf.convert_to_tensor(v) for v in commentary.trainable_variables]
    found = {}
    for name, estimator in estimators.items():
        train = estimator.bind(commentary, student)

        @tf.function(autograph=False)
        def hypergradient(phi, batches, train=train):
            def measure():
                weights = train(phi, student.weights, batches, progress)
                return student.loss(weights, x, y, sample_weight)[:1]

            _, by_phi = outer_gradient(measure, phi, student.loss_scale)
            return tf.concat([tf.reshape(g, [-1]) for g in by_phi], 0)

        with chosen_rewrites(student.model):
            found[name] = hypergradient(phi, batches)
    first = next(iter(found.values()))
    scale = tf.norm(first)
    return {
        name: {
            "norm": float(tf.norm(vector)),
            "cosine": float(
                tf.math.divide_no_nan(
                    tf.reduce_sum(vector * first), tf.norm(vector) * scale
                )
            ),
            "distance": float(tf.math.divide_no_nan(tf.norm(vector - first), scale)),
        }
        for name, vector in found.items()
    }
