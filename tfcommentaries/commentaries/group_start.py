"""Where weights of groups start, by how often labels agree with a model."""

import numpy as np
import tensorflow as tf

#: Sources that reach this share of the best one start at a logit of 0.
NEUTRAL = 0.8
#: How fast the logit grows with that share, and its largest size.
SLOPE, LARGEST = 12.0, 3.0
#: Sources differ if chance would make such differences less often than this.
CHANCE = 0.05
#: How often effects of classes and of groups are fitted in turn.
ROUNDS = 10


def start_logits(agrees, groups, labels, number, chance=None):
    """The logit from which learning the weight of each group starts.

    A source's rate is how often its labels agree, apart from what its classes explain:
    effects of classes, which come first, and of sources are fitted in turn. So a source
    of difficult classes is not blamed for them. Rates are drawn towards their mean by
    as much as chance explains of their variance. What counts is the skill, the rate
    above that of chance, as a share of the best source's:

        logit = clip(12 * (share - 0.8 -+ error), -3, 3)

    where the standard error of the share makes its distance from 0.8 smaller, at most
    to 0. So a source of a few examples starts near 0, where the weight is neutral. All
    start there if a chi-squared test finds no difference at 5 %.

    Args:
        agrees: whether each example's label agrees with a model, `(examples,)`.
        groups: integers of `GroupNames`, `(examples,)`; 0 is left out.
        labels: class of each example, integers `(examples,)`; `None` if labels are
            numbers.
        number: number of groups.
        chance: how often the label of another example would agree. `None` takes how
            often two examples have the same label.

    Returns:
        float32 `(number,)`; `None` if the model is no better than chance, or there are
        no two groups, so that nothing can be said.

    Reference:
        [DerSimonian and Laird, Meta-analysis in clinical trials](
            https://doi.org/10.1016/0197-2456(86)90046-2), for the variance of rates
    """
    logits = np.zeros(number, "float32")
    groups = np.reshape(groups, [-1])
    known = groups > 0
    labels = np.zeros(len(groups)) if labels is None else np.reshape(labels, [-1])
    _, label = np.unique(labels[known], return_inverse=True)
    agrees = np.reshape(agrees, [-1])[known].astype("float64")
    seen, group = np.unique(groups[known] - 1, return_inverse=True)
    if len(seen) < 2 or agrees.min() == agrees.max():
        return None
    if chance is None:
        chance = ((np.bincount(label) / len(label)) ** 2).sum()
    mean, effect, variance = _effects(agrees, group, label)
    precision = 1 / variance
    statistic, degrees = (precision * effect**2).sum(), len(seen) - 1
    between = precision.sum() - (precision**2).sum() / precision.sum()
    between = max(statistic - degrees, 0) / between
    kept = between / (between + variance)
    skill = mean + kept * effect - chance
    error = np.sqrt(kept * variance + 1 / precision.sum())
    best = skill.argmax()
    if skill[best] < 2 * error[best]:
        return None
    if _chi_squared_tail(statistic, degrees) > CHANCE:
        return logits
    distance = skill / skill[best] - NEUTRAL
    sure = np.maximum(np.abs(distance) - error / skill[best], 0)
    logits[seen] = (SLOPE * np.sign(distance) * sure).clip(-LARGEST, LARGEST)
    return logits


def _effects(agrees, group, label):
    """The mean, and the effect of each group on it, apart from those of classes.

    Returns:
        `(mean, effects, variances)`; the variances are those of chance alone.
    """
    mean, of_group = agrees.mean(), np.zeros(group.max() + 1)
    counts, of_class = np.bincount(group), 0.0
    for _ in range(ROUNDS):
        # One example more, so that classes of single examples explain little.
        rest = np.bincount(label, agrees - mean - of_group[group])
        of_class = (rest / (np.bincount(label) + 1))[label]
        of_group = np.bincount(group, agrees - mean - of_class) / counts
    rate = (mean + of_class).clip(0.01, 0.99)
    return mean, of_group, np.bincount(group, rate * (1 - rate)) / counts**2


def _chi_squared_tail(value, degrees):
    """How often chance gives as much or more."""
    return float(tf.math.igammac(np.float64(degrees / 2), np.float64(value / 2)))
