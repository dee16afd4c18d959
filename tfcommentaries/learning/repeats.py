"""How sure weights of groups are: learning again, from other checked examples."""

import warnings

import numpy as np
import tensorflow as tf

from tfcommentaries.learning.python_batches import as_arrays

#: Most checked examples of a data set that are read, from which others are drawn.
MOST = 20_000
#: Between the seeds of two learnings: users, too, count seeds one by one.
APART = 1_000_003


class Repeats:
    """Learns again and again from the same start, to see how far weights vary.

    Each time students are others, and so are the checked examples: as many are drawn
    from them with replacement, within each class (the bootstrap). The commentary then
    gets what all learnings gave, the first included; see `Commentary.combine`.

    Args:
        learner: a built `CommentaryLearner` that has not learned yet.

    Reference:
        [Efron, Bootstrap methods: another look at the jackknife](
            https://doi.org/10.1214/aos/1176344552)
    """

    def __init__(self, learner):
        self._learner = learner
        self._variables = [
            *learner.commentary.variables,
            *learner.optimizer.variables,
            *tf.nest.flatten(learner.initialization.variables),
        ]
        self._before = _values(self._variables)

    def run(self, fit, checked, number):
        """Learns `number` times more, and combines what was learned.

        If a learning fails, the commentary is as the first left it.

        Args:
            fit: function of checked examples that learns from them.
            checked: the checked examples, a batched `tf.data.Dataset` or a tuple of
                arrays.
            number: how often to learn.

        Raises:
            ValueError: if the data set is endless.
        """
        learner, commentary = self._learner, self._learner.commentary
        checked = examples_of(checked)
        first, seed = _values(self._variables), learner.seed
        doubt = commentary.doubt
        learned = [_values(commentary.trainable_variables)]
        try:
            learner.repeats = 0
            for repeat in range(1, number + 1):
                _assign(self._variables, self._before)
                learner.reseed(seed + APART * repeat)
                with warnings.catch_warnings():
                    # The first learning has said it.
                    warnings.simplefilter("ignore", UserWarning)
                    fit(drawn_anew(checked, learner.seed))
                learned.append(_values(commentary.trainable_variables))
        finally:
            learner.repeats = number
            learner.reseed(seed)
            _assign(self._variables, first)
            commentary.doubt = doubt
        commentary.combine(learned)


def check_number(repeats, commentary):
    """Raises a `ValueError` if a commentary cannot be learned so often."""
    if not isinstance(repeats, int) or repeats < 0:
        raise ValueError(
            f"`repeats` must be an integer of at least 0. Received: repeats={repeats!r}"
        )
    if repeats and not commentary.columns:
        raise ValueError(
            "`repeats` gives intervals to weights of groups, which "
            f"{type(commentary).__name__} has not. Leave it out."
        )


def _values(variables):
    return [np.array(variable) for variable in variables]


def _assign(variables, values):
    for variable, value in zip(variables, values):
        variable.assign(value)


def examples_of(data):
    """All examples of a data set as arrays; a tuple of arrays stays as it is.

    Raises:
        ValueError: if there are more than 20,000, as in an endless data set.
    """
    if not isinstance(data, tf.data.Dataset):
        return tuple(
            tf.nest.map_structure(lambda part: as_arrays(part, "validation"), part)
            for part in data
            if part is not None
        )
    found, number = [], 0
    for batch in data:
        found.append(tf.nest.map_structure(np.asarray, batch))
        number += len(tf.nest.flatten(batch)[0])
        if number > MOST:
            raise ValueError(
                "`repeats` draws from all checked examples, but the validation data "
                f"are endless, or more than {MOST:,} examples. Give fewer, as arrays "
                "or as a data set that ends."
            )
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *found)


def drawn_anew(examples, seed):
    """As many examples, drawn with replacement; of each class as many as there were.

    Args:
        examples: `(x, y)` or `(x, y, sample_weight)`, structures of arrays.
        seed: integer.
    """
    generator = np.random.default_rng(seed)
    y = examples[1]
    places = np.arange(len(tf.nest.flatten(y)[0]))
    classes = np.zeros(len(places), int)
    if not tf.nest.is_nested(y) and y.dtype.kind in "iub" and y.size == len(places):
        classes = y.reshape(-1)
    for one in np.unique(classes):
        of = np.flatnonzero(classes == one)
        places[of] = generator.choice(of, len(of))
    return tf.nest.map_structure(lambda array: array[places], examples)
