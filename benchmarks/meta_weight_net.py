"""Where Betty's published gain on long-tailed MNIST comes from. See RESULTS.md.

python -m benchmarks.meta_weight_net --data_dir=DIR
"""

import tempfile

import numpy as np
import tensorflow_datasets as tfds
from absl import app, flags

from benchmarks.harness import ask, save, show
from tfcommentaries.teaching import mean_and_std

FLAGS = flags.FLAGS
flags.DEFINE_string("peers", ".venv-bench/bin/python", "Python that has betty-ml.")
flags.DEFINE_string("data_dir", None, "TFDS data directory with MNIST.", required=True)
flags.DEFINE_integer("seeds", 5, "Splits and initial weights.")

MODES = (
    "plain",
    "plain, validation data added",
    "Betty as published",
    "Betty, weights put back",
)


def load():
    """MNIST as Betty's quick start scales it."""
    arrays = {}
    for name in ("train", "test"):
        builder = tfds.builder("mnist", data_dir=FLAGS.data_dir)
        part = tfds.as_numpy(builder.as_dataset(split=name, batch_size=-1))
        x = (part["image"][..., 0] / 255 - 0.1307) / 0.3081
        arrays[f"{name}_x"] = x.astype("float32")
        arrays[f"{name}_y"] = part["label"]
    return arrays


def main(_):
    """Measures, prints and saves meta_weight_net.json."""
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        file = f"{directory}/mnist.npz"
        np.savez(file, **load())
        for mode in MODES:
            values = ask(
                FLAGS.peers, "engines.torch_meta_weight_net", file, mode, FLAGS.seeds
            )
            rows.append({"condition": mode, **mean_and_std(values)})
            show([mode], rows[-1])
    save("meta_weight_net.json", rows)


if __name__ == "__main__":
    app.run(main)
