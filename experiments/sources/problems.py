"""Data from sources of different quality, and students for them."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
from sklearn.datasets import load_diabetes

from experiments import student_training
from experiments.protocol import FLAGS
from experiments.sources.texts import bag_of_words, load_lines
from tfcommentaries import datasets, students

BATCH = 32
#: What is wrong with each of six annotators of texts.
TEXT_FAULTS = ("nothing",) * 4 + ("random labels", "labels moved by one")
#: What is wrong with each of ten sources of diabetes patients.
TARGET_FAULTS = ("nothing",) * 4 + (
    "noise",
    "noise",
    "shuffled",
    "opposite",
    "opposite",
    "moved",
)


class Problem(NamedTuple):
    """How students of one data set train.

    Attributes:
        steps: number of their training steps.
        rate: of their Adam.
        network: function `(shape, num_classes)` to a Keras model.
        num_classes: number of classes; 1 is a number to predict.
        inner_steps: steps of the students through which a commentary is learned.
        epochs: of learning inside `fit`.
    """

    steps: int
    rate: float
    network: Callable = students.cbr
    num_classes: int = 10
    inner_steps: int = 100
    epochs: int = 5

    def optimizer(self):
        """What a student trains with."""
        return keras.optimizers.Adam(self.rate)

    def make_student(self, shape):
        """A compiled student for inputs of a shape."""
        if self.num_classes == 1:
            model = self.network(shape, 1)
            model.compile(self.optimizer(), "mse", metrics=["mae"])
            return model
        return student_training.make_student(
            self.network, shape, self.num_classes, self.optimizer
        )


def narrow_mlp(shape, outputs):
    """For few columns of a table."""
    return students.mlp(shape, outputs, (32,))


PROBLEMS = {
    "mnist": Problem(500, 1e-3),
    "cifar10": Problem(500, 1e-3),
    "digits": Problem(300, 3e-3, inner_steps=50, epochs=8),
    "diabetes": Problem(300, 3e-3, narrow_mlp, 1),
    "text": Problem(375, 1e-2, bag_of_words, 3, inner_steps=50),
}


class Setting(NamedTuple):
    """How one group is measured.

    Attributes:
        data: name of the data set, one of `PROBLEMS`.
        checked: number of checked examples.
        faults: of the sources.
        sizes: of the sources, relative; `None`: alike.
        whole: whether controls that train many students are measured, too.
        transfer: whether another network is taught, too.
    """

    data: str
    checked: int = 50
    faults: tuple = datasets.FAULTS
    sizes: tuple | None = None
    whole: bool = False
    transfer: bool = False

    @property
    def problem(self):
        """How students of the data set train."""
        return PROBLEMS[self.data]


SETTINGS = {
    "mnist, 50 checked": Setting("mnist", whole=True),
    "cifar10, 200 checked": Setting("cifar10", 200),
    "digits, 50 checked": Setting("digits", whole=True, transfer=True),
    "digits, 20 checked": Setting("digits", 20),
    "digits, 200 checked": Setting("digits", 200),
    "digits, 50 sources": Setting("digits", faults=datasets.FAULTS * 5),
    "digits, sizes 1 to 20": Setting(
        "digits", sizes=tuple(np.geomspace(1, 20, 10)[[3, 6, 0, 9, 1, 7, 4, 8, 2, 5]])
    ),
    "digits, inputs only": Setting("digits", faults=datasets.INPUT_FAULTS),
    "digits, no difference": Setting("digits", faults=("nothing",) * 10),
    "text, 60 checked": Setting("text", 60, faults=TEXT_FAULTS),
    "diabetes, 50 checked": Setting("diabetes", faults=TARGET_FAULTS),
}


class Data(NamedTuple):
    """Training examples from sources, checked and test examples."""

    train: datasets.Examples
    source: np.ndarray
    faults: dict
    checked: datasets.Examples
    test: datasets.Examples

    @property
    def good(self):
        """The sources with which nothing is wrong."""
        return [name for name, fault in self.faults.items() if fault == "nothing"]


def make_data(setting, seed):
    """`Data` of a setting."""
    if setting.data == "diabetes":
        return make_diabetes(setting, seed)
    if setting.data == "digits":
        splits = datasets.load_digits(setting.checked, seed=seed)
    elif setting.data == "text":
        splits = load_lines(setting.checked, 1140, seed)
    else:
        splits = datasets.load_tfds(
            setting.data, FLAGS.data_dir, 5000, setting.checked, 5000, seed
        )
    train, source, faults = datasets.spoil_sources(
        splits.train, splits.num_classes, seed, setting.faults, setting.sizes
    )
    return Data(train, source, faults, splits.validation, splits.test)


def make_diabetes(setting, seed):
    """Patients and how their illness went on, standardised."""
    generator = np.random.default_rng(seed)
    x, y = load_diabetes(return_X_y=True)
    order = generator.permutation(len(y))
    x, y = (x / x.std(0))[order], ((y - y.mean()) / y.std())[order]
    ends = setting.checked, setting.checked + 142
    (checked, test, train) = (
        datasets.Examples(*part)
        for part in zip(
            *(np.split(a.astype("float32")[..., None], ends) for a in (x, y))
        )
    )
    checked, test, train = (e._replace(x=e.x[..., 0]) for e in (checked, test, train))
    number = np.arange(len(train.y)) % len(setting.faults)
    targets = train.y.copy()
    for i, fault in enumerate(setting.faults):
        of = number == i
        if fault == "noise":
            targets[of] += generator.normal(0, 2, (of.sum(), 1))
        elif fault == "shuffled":
            targets[of] = generator.permutation(targets[of])
        elif fault == "opposite":
            targets[of] *= -1
        elif fault == "moved":
            targets[of] += 2
    names = np.array([f"source {i}" for i in range(len(setting.faults))])
    faults = dict(zip(names.tolist(), setting.faults))
    return Data(train._replace(y=targets), names[number], faults, checked, test)
