"""Clean examples as a filter, without a commentary."""

from collections.abc import Callable, Mapping

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.students import outputs
from tfcommentaries.typing import ArrayLike, Tensors


def agreeing(
    make_student: Callable[[], keras.Model],
    clean: tuple[Tensors, Tensors],
    examples: tuple[Tensors, Tensors],
    steps: int,
    batch_size: int,
    seed: int = 0,
    threshold: float | None = None,
) -> np.ndarray:
    """Finds the examples whose labels agree with a model of clean examples.

    Training on these and the clean examples is the simplest alternative to a commentary
    if labels may be wrong: compare with it first.

    Args:
        make_student: function without arguments that makes a compiled `keras.Model`
            with one output per class, or for two classes with one output.
        clean: `(x, y)` arrays with integer labels that are right.
        examples: `(x, y)` arrays with integer labels.
        steps: training steps of the student.
        batch_size: batch size of training.
        seed: seed of its weights and of the order of the clean examples; sets the
            seeds of Python, NumPy and TensorFlow.
        threshold: with one output, the value above which it means the second class: 0.0
            for logits, 0.5 for probabilities. `None` finds it from the loss or the last
            layer.

    Returns:
        A boolean array `(examples,)`.

    Raises:
        ValueError: if there are no clean examples, if a label is not one integer, or if
            the threshold is needed but cannot be found.
    """
    if not len(clean[1]):
        raise ValueError(
            "A student needs at least one clean example to learn from, better some of "
            "every class. Received: none"
        )
    x, y = examples
    if np.size(y) != len(y):
        raise ValueError(
            "The labels must be one integer for each example. Received: labels of "
            f"shape {np.shape(y)}"
        )
    y = np.reshape(y, [-1])
    keras.utils.set_random_seed(seed)
    student = make_student()
    if threshold is None:
        threshold = outputs.threshold(student)
    if threshold is None:
        _check_has_classes(student, x)
    batches = tf.data.Dataset.from_tensor_slices(tuple(clean))
    batches = batches.shuffle(len(clean[1]), seed=seed).repeat().batch(batch_size)
    student.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)
    # A graph, of each new student, would take longer to make.
    parts = tf.data.Dataset.from_tensor_slices(x).batch(500)
    found = np.concatenate([student(part, training=False) for part in parts])
    return same_class(found, y, threshold)


def cross_agreeing(
    make_student: Callable[[], keras.Model],
    examples: tuple[Tensors, Tensors],
    steps: int,
    batch_size: int,
    seed: int = 0,
    threshold: float | None = None,
) -> np.ndarray:
    """Finds the examples whose labels agree with a model of the other half.

    The two halves are drawn at random. This needs no clean examples, but most labels
    must be right.

    Args:
        make_student: as for `agreeing`.
        examples: `(x, y)` arrays with integer labels.
        steps: training steps of each student.
        batch_size: batch size of training.
        seed: seed of the halves and of training.
        threshold: as for `agreeing`.

    Returns:
        A boolean array `(examples,)`.

    Raises:
        ValueError: as `agreeing`.
    """
    number = len(examples[1])
    halves = np.array_split(np.random.default_rng(seed).permutation(number), 2)

    def take(places):
        return tuple(
            keras.tree.map_structure(lambda a: a[places], part) for part in examples
        )

    kept = np.empty(number, bool)
    for half, other in halves, halves[::-1]:
        kept[half] = agreeing(
            make_student, take(other), take(half), steps, batch_size, seed, threshold
        )
    return kept


def same_class(outputs, classes, threshold=None):
    """Whether a model's outputs are of the classes that labels name.

    Args:
        outputs: `(examples, classes)`, or `(examples, 1)` for two classes.
        classes: integers `(examples,)`.
        threshold: with one output, what it exceeds for the second class.

    Returns:
        A boolean array `(examples,)`.
    """
    if outputs.shape[-1] > 1:
        return outputs.argmax(-1) == classes
    return (outputs[:, 0] > threshold) == classes


def _check_has_classes(student, x):
    """Raises if a student, whose outputs are not known to be logits, has only one."""
    if student(tf.nest.map_structure(lambda t: t[:1], x)).shape[-1] == 1:
        raise ValueError(
            f"The student {student.name!r} has one output and a loss of its own, which "
            "does not tell what the output is. Pass `threshold=0.0` if it is a logit, "
            "or `threshold=0.5` if it is a probability."
        )


def agreement_rates(agrees: np.ndarray, groups: ArrayLike) -> dict[str, float]:
    """The share of each group's examples whose labels agree with a model.

    Compare a commentary with the simple rule that trusts the groups with the highest
    rates: see `trusted`.

    Args:
        agrees: from `agreeing`, `(examples,)`.
        groups: group of each example, `(examples,)`.

    Returns:
        A dict from a group's name to its rate, 0 to 1.
    """
    names, number = np.unique(np.asarray(groups), return_inverse=True)
    rates = np.bincount(number, agrees) / np.bincount(number)
    return dict(zip(names.tolist(), rates.tolist()))


def trusted(rates: Mapping[str, float], share: float) -> list[str]:
    """The groups whose rates are nearly as high as the highest.

    Args:
        rates: from `agreement_rates`.
        share: share of the highest rate that a group must reach. The right value
            depends on the data: with 0.5 instead of 0.8, new students lost up to 16
            points of test accuracy (`experiments/sources`).

    Returns:
        A list of names.
    """
    least = share * max(rates.values())
    return [name for name, rate in rates.items() if rate >= least]
