"""Controls: commentaries that know nothing."""

import numpy as np

from tfcommentaries import ExampleWeighting
from tfcommentaries.commentaries import (
    ConstantWeighting,
    RandomWeighting,
    ShuffledWeighting,
)


def test_constant_weights_are_not_normalised(vectors):
    _, _, weights = ConstantWeighting(0.3).teach(*vectors)
    np.testing.assert_allclose(weights, np.full(12, 0.3), rtol=1e-6)
    given = np.arange(12.0)
    _, _, weights = ConstantWeighting(0.3).teach(*vectors, given)
    np.testing.assert_allclose(weights, 0.3 * given, rtol=1e-6)


def test_shuffled_weights_are_the_same_in_another_order(vectors):
    x, y = vectors
    weighting = ExampleWeighting(normalize=None)
    weighting(x)
    for variable in weighting.trainable_variables:
        variable.assign(np.random.default_rng(0).normal(size=variable.shape))
    right = weighting(x).numpy()
    shuffled = ShuffledWeighting(weighting).teach(x, y)[2].numpy()
    np.testing.assert_allclose(np.sort(shuffled), np.sort(right))
    assert (shuffled != right).any()


def test_random_weights_differ_from_batch_to_batch_and_have_a_mean():
    x, y = np.zeros((4000, 2), "float32"), np.zeros(4000)
    random = RandomWeighting(0.3, seed=1)
    first, again = (random.teach(x, y)[2].numpy() for _ in range(2))
    assert (first != again).any()
    assert 0 <= first.min() < 0.01 and 0.59 < first.max() <= 0.6
    np.testing.assert_allclose(first.mean(), 0.3, atol=0.01)
    copy = RandomWeighting.from_config(random.get_config())
    np.testing.assert_allclose(copy.teach(x, y)[2], first)
