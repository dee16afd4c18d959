"""One worker of test_distribution; also learns alone if TF_CONFIG is not set.

Arguments: a .npz file for the learned weights.
"""

import os
import sys

import keras
import numpy as np
import tensorflow as tf
from test_distribution import learn


def main():
    """See the module."""
    keras.utils.set_random_seed(0)
    if "TF_CONFIG" in os.environ:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    else:
        strategy = tf.distribute.get_strategy()
    weights, _ = learn(strategy)
    np.savez(sys.argv[1], *weights)


if __name__ == "__main__":
    main()
