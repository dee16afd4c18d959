"""Settings and small real problems that many tests share."""

import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Workers of pytest-xdist share the cores; so do the programs that tests start.
os.environ.setdefault(
    "TF_NUM_INTRAOP_THREADS",
    str(-(-os.cpu_count() // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))),
)

import keras
import pytest
import tensorflow as tf
from models import make_student, make_vectors

from tfcommentaries.datasets import corrupt_labels, load_digits

# Two devices to distribute over; everything else runs on the first.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)


# A million objects of graphs, none of them garbage: looking took 6 % of the time.
gc.freeze()
gc.set_threshold(50_000)


@pytest.fixture(autouse=True)
def seeds():
    keras.utils.set_random_seed(0)
    yield
    keras.utils.clear_session(free_memory=False)


@pytest.fixture
def float64():
    """Makes Keras compute in float64."""
    policy, floatx = keras.config.dtype_policy(), keras.config.floatx()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)


@pytest.fixture
def mixed_float16():
    """Makes Keras compute in float16, and keep variables in float32."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(policy)


@pytest.fixture(scope="session")
def digits():
    """scikit-learn's digits, split."""
    return load_digits()


@pytest.fixture(scope="session")
def noisy_digits(digits):
    """`(x, y, corrupted)`: training digits, 40 % of which have a random label."""
    labels, corrupted = corrupt_labels(digits.train.y, 0.4, 10, seed=0)
    return digits.train.x, labels, corrupted


@pytest.fixture(scope="session")
def data_dir():
    """The TFDS data directory given by TFCOMMENTARIES_DATA_DIR."""
    path = os.environ.get("TFCOMMENTARIES_DATA_DIR")
    if not path or not os.path.isdir(path):
        pytest.skip("TFCOMMENTARIES_DATA_DIR names no TFDS data directory")
    return path


@pytest.fixture(scope="session")
def mirrored():
    """Two devices."""
    return tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"],
        # Collective ops of several strategies in one process are mixed up.
        tf.distribute.ReductionToOneDevice(),
    )


@pytest.fixture
def student():
    return make_student()


@pytest.fixture
def vectors():
    """`(x, y)`: 12 random vectors of 5 features in three classes."""
    return make_vectors()
