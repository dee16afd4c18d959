"""One outer step for one student: its hypergradient."""

import keras
import tensorflow as tf

from tfcommentaries.hypergradients.outer_gradient import outer_gradient


def check_options(commentary, loss_at, validation_mode, validation_taught):
    """Raises a `ValueError` if the options of an `OuterStep` are not such."""
    if validation_mode not in ("training", "inference"):
        raise ValueError(
            "`validation_mode` must be 'training' or 'inference'. "
            f"Received: {validation_mode!r}"
        )
    if loss_at not in ("end", "every_step"):
        raise ValueError(
            f"`outer_loss_at` must be 'end' or 'every_step'. Received: {loss_at!r}"
        )
    if validation_taught and commentary.uses_student_loss:
        raise ValueError(
            f"{type(commentary).__name__} only weighs losses of training: students "
            "are used without it. Pass `validation_taught=False`."
        )


class OuterStep:
    """Trains a student, measures it, and differentiates by the commentary.

    Args:
        layer: `TrainingLayer` of the commentary and the student.
        outer_loss: function `(x, y, outputs, sample_weight)` to a scalar; `None` for
            the student's own `compute_loss`.
        loss_at, validation_mode, validation_taught: as for `CommentaryLearner`.
    """

    def __init__(self, layer, outer_loss, loss_at, validation_mode, validation_taught):
        self.layer = layer
        self.commentary = layer.problem.commentary
        self.student = layer.problem.student
        self.outer_loss = outer_loss
        self.loss_at = loss_at
        self.training = validation_mode == "training"
        self.validation_taught = validation_taught

    def __call__(self, state, batches, validation_batch, progress, first_step):
        """Makes the step, except for changing the commentary.

        Args:
            state: `TrainingState` that the student starts from.
            batches: what it trains on, `(T, batch, ...)`.
            validation_batch: what it is measured on.
            progress: `(T,)`.
            first_step: integer scalar, steps that the student has made before.

        Returns:
            `(loss, hypergradient, outputs, state)`: the outer loss, its gradient by
            the commentary's trainable variables, the trained student's outputs for
            the validation batch, and the `TrainingState` it ends in.
        """
        phi = [tf.convert_to_tensor(v) for v in self.commentary.trainable_variables]

        def measure():
            annotations = self.layer.problem.annotate(phi, batches, progress)
            # Through these, too, the outer loss depends on the commentary.
            direct = self._annotated(phi, validation_batch)

            def validate(weights, *direct):
                return self._validate(weights, self._batch(validation_batch, *direct))

            if self.loss_at == "end":
                end = self.layer.train(annotations, state, batches, first_step)
                loss, outputs = validate(end.weights, *direct)
            else:
                end, loss = self.layer.train(
                    annotations,
                    state,
                    batches,
                    first_step,
                    lambda weights, *direct: validate(weights, *direct)[0],
                    direct,
                )
                _, outputs = validate(end.weights, *direct)
            # Keras divides losses by the number of replicas.
            replicas = tf.distribute.get_strategy().num_replicas_in_sync
            loss += self.layer.problem.penalty(annotations) / replicas
            return loss, outputs, end

        return outer_gradient(measure, phi, self.student.loss_scale)

    def loss(self, weights, validation_batch):
        """The outer loss of a student, without the commentary."""
        return self._validate(weights, self.commentary.untaught(validation_batch))[0]

    def _annotated(self, phi, batch):
        """A list with the annotation of a validation batch that is taught, or empty."""
        if not self.validation_taught:
            return []
        x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        stack = tf.nest.map_structure(lambda t: t[None], (x, y))
        (annotation,) = self.layer.problem.annotate(phi, stack, tf.ones([1]))
        return [annotation[0]]

    def _batch(self, batch, annotation=None):
        """The batch on which a trained student is measured."""
        if annotation is None:
            return self.commentary.untaught(batch)
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        return self.commentary.apply(annotation, x, y, sample_weight)

    def _validate(self, weights, batch):
        x, y, sample_weight = batch
        if self.outer_loss is None:
            loss, outputs = self.student.measure(
                weights, x, y, sample_weight, self.training
            )
        else:
            outputs, _ = self.student.predict(weights, x, training=self.training)
            loss = self.outer_loss(x, y, outputs, sample_weight)
        return tf.cast(loss, keras.config.floatx()), outputs
