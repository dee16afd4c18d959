"""Means of what is logged."""

import numpy as np

from tfcommentaries.learning.running_means import RunningMeans


def test_means_of_what_was_added():
    means = RunningMeans(["loss", "norm"])
    assert means.count == 0
    np.testing.assert_array_equal(list(means.result().values()), [0, 0])
    for loss in 1.0, 2.0, 6.0:
        means.update_state({"norm": np.float64(2 * loss), "loss": loss})
    assert means.count == 3
    found = {name: float(value) for name, value in means.result().items()}
    assert found == {"loss": 3.0, "norm": 6.0}
    means.reset_state()
    assert means.count == 0
