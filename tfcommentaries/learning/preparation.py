"""Builds a learner for its data, and checks that the parts fit together."""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.learning.annotation_summary import LOSSES
from tfcommentaries.learning.outer_step import OuterStep
from tfcommentaries.learning.output_masks import with_masks
from tfcommentaries.learning.reliability import loss_of_guessing


class Prepared(NamedTuple):
    """What is found before the first outer step.

    Attributes:
        neutral: whether the commentary has no opinion at the start.
        guess: outer loss of a student that gives every example the same outputs;
            `None` if that is not known.
    """

    neutral: bool
    guess: float | None


def prepare(learner, batch, validation_batch):
    """Builds what is not built yet of a `CommentaryLearner` and checks the parts.

    Where anything that an outer step is traced from has changed since the last `fit`,
    such as the student's optimizer, it is traced again.

    Args:
        learner: the learner, compiled.
        batch: one that students train on, from `endless`.
        validation_batch: one that they are measured on.

    Returns:
        `Prepared`.

    Raises:
        ValueError: if parts do not fit together.
    """
    commentary = learner.commentary
    x, y, weights = _taught(commentary, batch)
    validation_batch = commentary.untaught(validation_batch)
    layer = learner.tried.layer
    tried = learner.tried.on(
        learner.student,
        learner.inner_training,
        commentary,
        (x, y, weights),
        validation_batch,
    )
    if tried.layer is not layer:
        learner.train_function = None
    learner.outer_step = OuterStep(
        tried.layer,
        None if learner.asks_student else learner.compute_loss,
        learner.outer_loss_at,
        learner.validation_mode,
        learner.validation_taught,
    )
    # These build on first use, which must not be on a replica.
    guess = _build_losses(learner, *validation_batch, tried.outputs)
    learner.initialization.build(tried.layer.problem)
    learner.optimizer.build(commentary.trainable_variables)
    learner.built = True
    neutral = weights is not None and all(
        np.allclose(w, 1, atol=1e-6) for w in tf.nest.flatten(weights)
    )
    return Prepared(neutral, guess)


def _taught(commentary, batch):
    """A batch as students train on it, `(x, y, weights)`.

    The weights are `None` for a commentary that sees losses.
    """
    x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
    weights, number = None, len(tf.nest.flatten(x)[0])
    if commentary.uses_student_loss:
        commentary(LOSSES)
    else:
        x, y, weights = commentary.teach(x, y, None, 0.0)
        number = max(map(np.size, tf.nest.flatten(weights)))
    commentary.check_batch_size(number)
    if not commentary.trainable_variables:
        raise ValueError(
            f"The commentary {commentary.name!r} has nothing to learn: it has no "
            "trainable variable."
        )
    return x, y, weights


def _build_losses(learner, x, y, sample_weight, outputs):
    """Builds the outer loss and the metrics; returns the loss of guessing."""
    learner.output_dtypes = tf.nest.map_structure(
        lambda t: t.dtype, with_masks(outputs)
    )
    guess = None
    if not learner.asks_student:
        learner.compute_loss(x, y, outputs, sample_weight)
        # Keras divides losses by the number of replicas, logs hold their sum.
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        guess = loss_of_guessing(
            lambda c: replicas * learner.compute_loss(x, y, c, sample_weight),
            y,
            outputs,
        )
    learner.compute_metrics(x, y, outputs, sample_weight)
    learner.reset_metrics()
    return guess
