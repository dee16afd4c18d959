"""Controls: commentaries that know nothing."""

import numpy as np

from tfcommentaries import ExampleWeighting
from tfcommentaries.commentaries import ConstantWeighting, ShuffledWeighting


def test_constant_weights_are_not_normalised(vectors):
    _, _, weights = ConstantWeighting(0.3).teach(*vectors)
    np.testing.assert_allclose(weights, np.full(12, 0.3), rtol=1e-6)
    given = np.arange(12.0)
    _, _, weights = ConstantWeighting(0.3).teach(*vectors, given)
    np.testing.assert_allclose(weights, 0.3 * given, rtol=1e-6)


def test_shuffled_weights_are_the_same_in_another_order(vectors):
    x, y = vectors
    weighting = ExampleWeighting(curriculum=False, normalize=None)
    weighting(x)
    for variable in weighting.trainable_variables:
        variable.assign(np.random.default_rng(0).normal(size=variable.shape))
    right = weighting(x).numpy()
    shuffled = ShuffledWeighting(weighting).teach(x, y)[2].numpy()
    np.testing.assert_allclose(np.sort(shuffled), np.sort(right))
    assert (shuffled != right).any()
