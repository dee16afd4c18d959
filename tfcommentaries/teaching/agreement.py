"""What clean examples are good for without a commentary: as a filter."""

import keras
import numpy as np
import tensorflow as tf


def agreeing(make_student, clean, examples, steps, batch_size, seed=0):
    """Which examples have the label that a student of clean ones gives them.

    Training on these and the clean examples is the simplest alternative to a
    commentary where labels may be wrong, and the first to compare one with.

    Args:
        make_student: function without arguments that makes a compiled `keras.Model`
            with one output per class, or for two classes with one output, a logit
            or a probability as its loss says.
        clean: `(x, y)` arrays with integer labels that are right.
        examples: `(x, y)` arrays with integer labels.
        steps: training steps of the student.
        batch_size: of training.
        seed: of its weights and of the order of the clean examples; sets the seeds
            of Python, NumPy and TensorFlow.

    Returns:
        A boolean array `(examples,)`.

    Raises:
        ValueError: if there are no clean examples.
    """
    if not len(clean[1]):
        raise ValueError(
            "A student needs at least one clean example to learn from, better some of "
            "every class. Received: none"
        )
    keras.utils.set_random_seed(seed)
    student = make_student()
    batches = tf.data.Dataset.from_tensor_slices(tuple(clean))
    batches = batches.shuffle(len(clean[1]), seed=seed).repeat().batch(batch_size)
    student.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)
    x, y = examples
    outputs = student.predict(x, batch_size=500, verbose=0)
    if outputs.shape[-1] > 1:
        return outputs.argmax(-1) == y
    middle = 0.0 if getattr(student.loss, "from_logits", False) else 0.5
    return (outputs[:, 0] > middle) == y


def agreement_rates(agrees, groups):
    """In which part of its examples each group has the label that was expected.

    Whoever has groups of examples compares a commentary with the rule that trusts the
    groups with the highest rates: see `trusted`.

    Args:
        agrees: from `agreeing`, `(examples,)`.
        groups: group of each example, `(examples,)`.

    Returns:
        A dict from a group's name to its rate, 0 to 1.
    """
    names, number = np.unique(np.asarray(groups), return_inverse=True)
    rates = np.bincount(number, agrees) / np.bincount(number)
    return dict(zip(names.tolist(), rates.tolist()))


def trusted(rates, share):
    """The groups that agree nearly as often as the one that agrees most.

    Args:
        rates: from `agreement_rates`.
        share: of the highest rate that a group must reach. What is right differs from
            data to data: where one was wrong by 0.3 it cost 4 to 9 points
            (`experiments/sources`).

    Returns:
        A list of names.
    """
    least = share * max(rates.values())
    return [name for name, rate in rates.items() if rate >= least]
