"""Where the weights of groups start."""

import numpy as np
import pytest

from tfcommentaries import Composition, ExampleWeighting, GroupWeighting
from tfcommentaries.commentaries.group_start import (
    LARGEST,
    NEUTRAL,
    SLOPE,
    start_logits,
)


def examples(*groups, classes=10):
    """`(agrees, groups, labels)`: of each group, how many agree and how many there are.

    Labels are dealt out evenly to those that agree and those that do not.
    """
    agrees, group, labels = [], [], []
    for number, (right, count) in enumerate(groups, 1):
        agrees += [True] * right + [False] * (count - right)
        group += [number] * count
        labels += [i % classes for i in (*range(right), *range(count - right))]
    return np.array(agrees), np.array(group), np.array(labels)


def start(*groups, **options):
    return start_logits(*examples(*groups, **options), len(groups))


def test_many_examples_start_at_the_share_of_the_best_skill():
    logits = start((90_000, 100_000), (60_000, 100_000), (74_000, 100_000))
    # Chance is 0.1, so the shares are 1, 5/8 and 0.8.
    expected = SLOPE * (np.array([1, 0.5 / 0.8, 0.64 / 0.8]) - NEUTRAL)
    np.testing.assert_allclose(logits, expected, atol=0.1)
    assert abs(start((900, 1000), (100, 1000))[1]) == LARGEST


def test_few_examples_start_near_neutral():
    few, many = (start((900, 1000), (100, 1000), (3 * n // 5, n))[2] for n in (5, 5000))
    assert abs(few) < 0.3 < 1 < abs(many)


def test_no_examples_start_neutral():
    logits = start((900, 1000), (0, 0), (100, 1000))
    assert logits[0] > 1 and logits[1] == 0 and logits[2] == -LARGEST


@pytest.mark.parametrize("groups", [[], [(900, 1000)], [(900, 1000), (0, 0)]])
def test_fewer_than_two_groups_say_nothing(groups):
    assert start(*groups) is None


@pytest.mark.parametrize("sources, size", [(10, 100), (300, 10), (1000, 5)])
def test_no_difference_starts_neutral(sources, size):
    neutral = 0
    for seed in range(20):
        generator = np.random.default_rng(seed)
        group = np.repeat(np.arange(1, sources + 1), size)
        labels = generator.integers(0, 10, group.size)
        agrees = generator.random(group.size) < 0.8
        neutral += not start_logits(agrees, group, labels, sources).any()
    assert neutral >= 17  # Of 20, at a level of 5 %.


def test_a_few_bad_ones_of_many_are_found():
    generator = np.random.default_rng(0)
    group = np.repeat(np.arange(1, 301), 20)
    labels = generator.integers(0, 10, group.size)
    agrees = generator.random(group.size) < np.where(group <= 15, 0.1, 0.9)
    logits = start_logits(agrees, group, labels, 300)
    assert (logits[:15] < -2).all() and (logits[15:] > -1).all()


def test_a_model_no_better_than_chance_says_nothing():
    assert start((300, 3000), (200, 3000), (310, 3000)) is None


def test_difficult_classes_are_no_fault_of_their_sources():
    # Each source holds a class of its own.
    agrees, group, _ = examples((900, 1000), (400, 1000), (700, 1000))
    assert not start_logits(agrees, group, group, 3).any()
    # The second has few of the easy class; the last has wrong labels.
    sizes = 900, 100, 100, 900, 100, 900
    labels = np.repeat([0, 1, 0, 1, 0, 1], sizes)
    right = np.repeat([0.95, 0.6, 0.95, 0.6, 0.1, 0.1], sizes)
    agrees = np.random.default_rng(0).random(3000) < right
    logits = start_logits(agrees, group, labels, 3, chance=0.1)
    assert logits[0] > 2 and logits[1] > -1 and logits[2] == -LARGEST
    alike = start_logits(agrees, group, None, 3, chance=0.1)
    assert alike[1] < -1 < logits[1] - 0.5


def test_numbers_take_the_chance_that_is_given():
    agrees, group, _ = examples((750, 1000), (450, 1000), (300, 1000))
    logits = start_logits(agrees, group, None, 3, chance=0.4)
    assert logits[0] > 1.5 and (logits[1:] == -LARGEST).all()


def test_a_weighting_starts_column_by_column():
    agrees, group, labels = examples((180, 200), (20, 200))
    columns = {"by": np.where(group == 1, "ann", "bob"), "year": np.tile([1, 2], 200)}
    weighting = GroupWeighting(columns, num_classes=10, curriculum=True)
    assert weighting.can_start
    weighting.start(weighting.add_groups(labels, columns), labels, agrees)
    assert not weighting.can_start
    for name, expected in (
        ("by", start_logits(agrees, group, labels, 2)),
        ("year", [0, 0]),
    ):
        logits = np.asarray(weighting.logits[name])
        assert logits.shape == (2, 10, 5)
        np.testing.assert_allclose(logits - np.reshape(expected, [2, 1, 1]), 0)


def test_a_composition_starts_its_weights_of_groups():
    agrees, group, labels = examples((180, 200), (20, 200))
    weighting = GroupWeighting(group)
    both = Composition([ExampleWeighting(), weighting])
    assert both.can_start and not both.commentaries[0].can_start
    both.start(both.add_groups(labels, group), labels, agrees)
    np.testing.assert_allclose(
        np.asarray(weighting.logits["group"]).ravel(),
        start_logits(agrees, group, labels, 2),
    )
