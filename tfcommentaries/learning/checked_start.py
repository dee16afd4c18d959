"""Starts the weights of groups from what the checked examples show."""

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.commentaries.group_columns import indices
from tfcommentaries.hypergradients import InnerProblem
from tfcommentaries.learning.python_batches import as_arrays
from tfcommentaries.students.outputs import classes_of, threshold
from tfcommentaries.teaching.agreement import same_class

#: Most training examples that are looked at, and how many at a time.
MOST, SIZE = 20_000, 500
#: Least training steps of the student.
LEAST_STEPS = 100


def start_from_checked(
    commentary,
    student,
    weights,
    train,
    checked,
    steps,
    training=False,
    has_learned=lambda weights: True,
):
    """Trains a student on the checked examples alone, and starts from its agreement.

    A label agrees if it is the class that the student predicts; a number, if the
    student's error is at most the median of all. Nothing happens unless
    `commentary.can_start`, nor if labels are several for each example.

    Args:
        commentary: a `Commentary`.
        student: a built `FunctionalStudent`.
        weights: `StudentWeights` to train.
        train: training data, a batched `tf.data.Dataset` or a tuple of arrays. At most
            20,000 examples are looked at.
        checked: data set of endless batches of checked examples.
        steps: training steps of the student.
        training: whether the trained student predicts in training mode.
        has_learned: function that says whether a student with these `StudentWeights`
            has learned the checked examples; one that has not tells nothing.

    Returns:
        Whether the checked examples say anything of the groups, if only that they do
        not differ.
    """
    if not commentary.can_start:
        return False
    weights = _trained(commentary, student, weights, checked.take(steps))
    if not has_learned(weights):
        return False
    found = []
    for x, y in _some(train, commentary):
        # A graph would take longer to make.
        outputs, _ = student.predict(weights, commentary.student_inputs(x), training)
        if tf.nest.is_nested(y) or tf.nest.is_nested(outputs):
            return False
        found.append((indices(commentary.columns, x), y, outputs))
    if not found:
        return False
    groups, y, outputs = tf.nest.map_structure(
        lambda *parts: np.concatenate(parts), *found
    )
    found = _agreement(student.model, y, outputs)
    if found is None or not commentary.start(groups, *found):
        return False
    commentary.observe(groups, y)
    return True


def _agreement(model, y, outputs):
    """`(classes, agrees, chance)` for `start`; `None` if labels are not of one kind."""
    labels = classes_of(y, outputs)
    if labels is not None:
        split = threshold(model) if outputs.shape[1] == 1 else None
        if outputs.shape[1] == 1 and split is None:
            return None
        return labels, same_class(outputs, labels, split), None
    if outputs.ndim != 2 or y.size != outputs.size or not {*np.unique(y)} - {0, 1}:
        return None
    y = y.reshape(outputs.shape)
    errors = np.abs(outputs - y).mean(1)
    median, generator = np.median(errors), np.random.default_rng(0)
    of_others = (generator.permutation(outputs) for _ in range(10))
    chance = [np.abs(other - y).mean(1) <= median for other in of_others]
    return None, errors <= median, np.mean(chance)


def _trained(commentary, student, weights, batches):
    """`StudentWeights` after training as Keras trains."""
    problem = InnerProblem(None, student, eps_root=1e-20)

    def step(state, batch, index):
        return problem.step([], state, commentary.untaught(batch), index)

    step = tf.function(step, autograph=False)
    state = problem.joined(problem.initial_state(weights))
    for index, batch in batches.enumerate():
        state = step(state, batch, tf.cast(index, tf.int32))
    return problem.parted(state).weights


def _some(data, commentary):
    """Batches `(x, y)` of training examples, each example once if that can be known."""
    most = MOST
    for column in commentary.columns.values():
        if sum(column.counts) > len(column.names):  # Else there are only names.
            most = min(most, sum(column.counts))
    if not isinstance(data, tf.data.Dataset):
        data = _drawn(data, most)
    for batch in data:
        x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        yield commentary.prepare(x), y
        most -= len(tf.nest.flatten(y)[0])
        if most <= 0:
            return


def _drawn(arrays, most):
    """Batches of examples of arrays, in random order."""
    x, y = (as_arrays(part, "training") for part in arrays[:2])
    order = np.random.default_rng(0).permutation(len(tf.nest.flatten(y)[0]))[:most]
    for start in range(0, len(order), SIZE):
        places = order[start : start + SIZE]
        yield tf.nest.map_structure(lambda array, p=places: array[p], (x, y))
