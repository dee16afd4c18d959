"""Three sources label each example: learning beside rules that compare their labels.

Nothing was chosen by its seeds.
"""

import pathlib
import subprocess
import tempfile

import keras
import numpy as np
import tensorflow as tf
from absl import flags
from sklearn.model_selection import StratifiedKFold

from experiments import protocol
from experiments.sources.conditions import (
    accuracies,
    of_sources,
    taught,
    without_examples,
)
from experiments.sources.learning import learn_from_start
from experiments.sources.problems import BATCH, Data, Setting
from experiments.sources.votes import by_majority, dawid_skene
from tfcommentaries import datasets
from tfcommentaries.teaching import trusted

FLAGS = flags.FLAGS
flags.DEFINE_string("with_cleanlab", ".venv-bench/bin/python", "Python that has it.")

#: Faults of labels alone: those of inputs would show other images of one example.
FAULTS = tuple(f for f in datasets.FAULTS if f != "upside down") + ("random labels",)
SEVERAL = {"digits, three labels each": Setting("digits", faults=FAULTS)}
FIRST_SEED = 400
LABELS = 3


def measure_several(setting, seed):
    """Learning, the rule by checked examples, Dawid-Skene and CROWDLAB."""
    seed += FIRST_SEED
    images, votes, faults, splits = make_votes(setting, seed)
    data = as_rows(images, votes, faults, splits)
    names = [*faults]
    majority = by_majority(votes)
    labels, quality = {"majority": majority}, {}
    labels["Dawid-Skene"], quality["Dawid-Skene"] = dawid_skene(votes, 10)
    probabilities = cross_validated(setting, images.x, majority, seed)
    labels["CROWDLAB"], quality["CROWDLAB"] = ask_crowdlab(votes, probabilities)
    weighting = learn_from_start(setting, data, seed)
    _, rates = without_examples(setting, data, seed, crossed=False)
    sources = {
        "sources trusted, learned": weighting.trusted(),
        "sources of 0.8 of the best rate": trusted(rates, 0.8),
        "good sources, known": data.good,
    }
    for name, found in quality.items():
        by_name = dict(zip(names, map(float, found)))
        sources[f"sources of 0.8 of the best by {name}"] = trusted(by_name, 0.8)
    conditions = {
        "all labels": (protocol.join(data.train, data.checked), None, None),
        "weights, learned": taught(weighting, data),
        **{
            name: (of_sources(data, kept), None, None) for name, kept in sources.items()
        },
        **{
            f"labels by {name}": (
                protocol.join(images._replace(y=y), data.checked),
                None,
                None,
            )
            for name, y in labels.items()
        },
        "checked only": (data.checked, None, None),
        "right labels": (labelled(images, images.y, data), None, None),
    }
    values = accuracies(setting, conditions, data, seed)
    for name, kept in sources.items():
        values[name]["exactly the good sources"] = float({*kept} == {*data.good})
    for name, y in labels.items():
        values[f"labels by {name}"]["right"] = float((y == images.y).mean())
    return {"values": values, "faults": faults}


def make_votes(setting, seed):
    """Images with right labels, and what three of the sources say of each.

    Returns:
        `(images, votes, faults, splits)`; votes `(images, sources)`, -1 is none.
    """
    splits = datasets.load_digits(setting.checked, seed=seed)
    generator = np.random.default_rng(seed)
    faults = generator.permutation(setting.faults).tolist()
    said = [
        datasets.spoil_sources(splits.train, 10, 100 * seed + i, (fault,)).examples.y
        for i, fault in enumerate(faults)
    ]
    votes = np.stack(said, 1).astype(int)
    order = generator.random(votes.shape).argsort(1)
    votes[order >= LABELS] = -1
    faults = {f"source {i}": fault for i, fault in enumerate(faults)}
    return splits.train, votes, faults, splits


def as_rows(images, votes, faults, splits):
    """`Data` with an example for each label."""
    image, source = np.nonzero(votes >= 0)
    train = datasets.Examples(images.x[image], votes[image, source])
    names = np.array([*faults])[source]
    return Data(train, names, faults, splits.validation, splits.test)


def labelled(images, y, data):
    """Each image once, with one label, and the checked examples."""
    return protocol.join(images._replace(y=y.astype(images.y.dtype)), data.checked)


def cross_validated(setting, x, y, seed):
    """Probabilities for each image by students that have not seen it."""
    found = np.empty((len(y), 10), "float32")
    folds = StratifiedKFold(protocol.fewer(5, 2), shuffle=True, random_state=seed)
    steps = protocol.fewer(setting.problem.steps, 5)
    for seen, unseen in folds.split(x, y):
        keras.utils.set_random_seed(seed)
        model = setting.problem.make_student(x.shape[1:])
        epochs = -(-steps * BATCH // len(seen))
        model.fit(x[seen], y[seen], batch_size=BATCH, epochs=epochs, verbose=0)
        found[unseen] = tf.nn.softmax(model.predict(x[unseen], verbose=0))
    return found


def ask_crowdlab(votes, probabilities):
    """`(labels, quality)` by cleanlab, from an environment of its own."""
    script = pathlib.Path(__file__).with_name("crowdlab.py")
    with tempfile.TemporaryDirectory() as directory:
        given, found = f"{directory}/given.npz", f"{directory}/found.npz"
        np.savez(given, labels=votes, probabilities=probabilities)
        subprocess.run([FLAGS.with_cleanlab, script, given, found], check=True)
        arrays = np.load(found)
        return arrays["labels"].astype(int), arrays["quality"]
