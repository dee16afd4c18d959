"""Weights that follow a student's own losses."""

import types

import keras
import tensorflow as tf

from tfcommentaries.commentaries import teachers
from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.commentaries.taught_by_teacher import TaughtByTeacher
from tfcommentaries.commentaries.weighting import Weighting
from tfcommentaries.typing import LayerOptions, Shapes, Tensors, Unpack


@keras.saving.register_keras_serializable(package="tfcommentaries")
class LossWeighting(Weighting, TaughtByTeacher):
    """Weights each training example by the student's current loss on it.

    The annotation is `w(loss) = sigmoid(teacher(loss))`: the teacher, which has few
    weights and sees one number, learns whether hard examples are rare (and weigh more)
    or wrong (and weigh less). It needs no inputs, labels or progress, so it suits every
    data set and student with the same loss.

    Since it needs the student's losses, only `CommentaryCallback`, `CommentaryLearner`
    and `LearnCommentaryCallback` teach it, not a tf.data pipeline. Learn it one student
    step at a time, and slowly: at the start, losses do not separate wrong labels from
    right ones. On noisy digits, an outer Adam with 2e-3 learned to distrust large
    losses with every seed; with 1e-2, all weights went to 1 first with most seeds.

    Example:

    >>> weighting = LossWeighting()
    >>> learner = CommentaryLearner(weighting, student, inner_steps=1,
    ...                             student_initialization="continue")

    Args:
        teacher: a Keras model from losses `(batch, 1)` to one logit per example.
            `None` makes the paper's, one hidden layer of 100 units.
        normalize: as for `ExampleWeighting`.
        **kwargs: arguments of `Commentary`.

    Reference:
        [Shu et al., Meta-Weight-Net](https://arxiv.org/abs/1902.07379)
    """

    kind = "loss_weighting"
    description = "how much an example should count, by how hard the student finds it"
    uses_student_loss = True
    weighs_examples = False  # It sees no inputs.
    suggested = types.MappingProxyType(
        {
            **Commentary.suggested,
            "learner": {"inner_steps": 1, "student_initialization": "continue"},
        }
    )

    def __init__(
        self,
        teacher: keras.layers.Layer | None = None,
        normalize: str | None = "batch_mean",
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(teacher=teacher, normalize=normalize, **kwargs)
        if teacher is None:
            self.teacher = teachers.mlp((1,), units=(100,), dtype=self.compute_dtype)

    def build(
        self, x_shape: Shapes, y_shape: Shapes = None, progress_shape: Shapes = None
    ) -> None:
        self.built = True

    def call(
        self, x: Tensors, y: Tensors = None, progress: Tensors = None
    ) -> tf.Tensor:
        """Gives the weight of each example.

        Args:
            x: the student's losses, one per example, `(batch,)`.
            y: not used.
            progress: not used.

        Returns:
            Weights in (0, 1), `(batch,)`.
        """
        logits = self.teacher(tf.reshape(x, [-1, 1]), training=False)
        return tf.sigmoid(tf.reshape(tf.convert_to_tensor(logits), [-1]))

    def teach(
        self,
        x: Tensors,
        y: Tensors,
        sample_weight: Tensors = None,
        progress: Tensors = None,
    ) -> tuple[Tensors, Tensors, Tensors]:
        """Raises an error, since a batch does not hold the student's losses."""
        raise TypeError(
            "LossWeighting weights by the student's losses, which a batch does not "
            "give. Teach with `model.fit(..., callbacks=[CommentaryCallback(...)])` "
            "instead of a data pipeline."
        )
