"""What a learner finds out about its student before the first outer step."""

import tensorflow as tf

from tfcommentaries.students.losses import check_takes_weights, check_uses_weights
from tfcommentaries.students.repeating import check_repeats


class Tried:
    """A student that was tried on data, once for all data of the same shapes.

    Attributes:
        layer: `TrainingLayer` of the student.
        outputs: its outputs for a validation batch.
    """

    def __init__(self):
        self._known = None
        self.layer = None
        self.outputs = None

    def on(self, student, inner_training, commentary, batch, validation_batch):
        """Checks that the parts fit together, unless they are known to.

        Args:
            student: `FunctionalStudent`.
            inner_training: `UnrolledTraining` or `ImplicitTraining`.
            commentary: a built `Commentary`.
            batch: `(x, y, weights)` that a student trains on; the weights are `None`
                if they depend on its losses.
            validation_batch: `(x, y, sample_weight)` that it is measured on.

        Returns:
            This object.

        Raises:
            ValueError: if they do not.
        """
        learned = commentary.trainable_variables
        parts = [inner_training, *learned], (batch, validation_batch)
        now = StudentState(student.model, *parts)
        if self._known is not None and self._known.same(now):
            return self
        self._known = None
        x, y, weights = batch
        outputs = student.build(x, y)
        check_repeats(student, x, y)
        if weights is not None:
            check_takes_weights(student.model, y, outputs, weights)
            check_uses_weights(student, x, y, weights)
        self.layer = inner_training.bind(commentary, student)
        self.outputs = student.build(*validation_batch[:2])
        self._known = StudentState(student.model, *parts)
        return self


class StudentState:
    """What checks of a student and graphs of its steps depend on.

    Args:
        model: the student, as it is now.
        others: a list of further objects.
        batches: a structure of tensors or `None`, whose shapes and types count.
    """

    def __init__(self, model, others, batches):
        variables = model.variables
        # Objects are kept, since others may get the identity of one that is gone.
        self.objects = [model.optimizer, model.loss, *others, *variables]
        self.trainable = [v.trainable for v in variables]
        self.specs = tf.nest.map_structure(
            lambda t: None if t is None else (tuple(t.shape), str(t.dtype)), batches
        )

    def same(self, other):
        """Whether all of it is the same."""
        return (
            len(self.objects) == len(other.objects)
            and all(a is b for a, b in zip(self.objects, other.objects))
            and (self.trainable, self.specs) == (other.trainable, other.specs)
        )
