"""The data and the student that a run is about."""

import dataclasses
import importlib
from typing import NamedTuple

import keras
import numpy as np

from tfcommentaries import datasets, students
from tfcommentaries.cli.arguments import STUDENTS


class NoisyData(NamedTuple):
    """Data whose training labels may be wrong.

    Attributes:
        splits: `Splits`, with the labels that a student sees.
        true_labels: training labels before any corruption.
        corrupted: which training labels are wrong.
        groups: source of each training example, or `None`.
        faults: dict from a source to what is wrong with it, or `None`.
    """

    splits: datasets.Splits
    true_labels: np.ndarray
    corrupted: np.ndarray
    groups: np.ndarray | None = None
    faults: dict | None = None

    def inputs(self, commentary):
        """Inputs of the training examples as a commentary takes them."""
        x = self.splits.train.x
        return x if self.groups is None else commentary.add_groups(x, self.groups)


@dataclasses.dataclass(frozen=True)
class Task:
    """Everything that tells which data and which student; see `add_arguments`."""

    dataset: str
    data_dir: str | None
    train_size: int | None
    validation_size: int
    test_size: int | None
    label_noise: float
    student: str
    learning_rate: float
    batch_size: int
    seed: int
    # Runs of older versions do not tell it.
    label_noise_kind: str = "random"
    spoiled_sources: bool = False

    @classmethod
    def from_config(cls, config):
        """Makes a task from a dict that may hold more."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(**{name: config[name] for name in names if name in config})

    def load_data(self):
        """Loads the splits and spoils training examples; returns `NoisyData`."""
        if self.dataset == "digits":
            splits = datasets.load_digits(
                self.validation_size, self.test_size or 497, self.seed
            )
            if self.train_size is not None:
                train = datasets.Examples(*(a[: self.train_size] for a in splits.train))
                splits = splits._replace(train=train)
        else:
            splits = datasets.load_tfds(
                self.dataset,
                self.data_dir,
                self.train_size,
                self.validation_size,
                self.test_size,
                self.seed,
            )
        true_labels = splits.train.y
        labels, _ = datasets.corrupt_labels(
            true_labels,
            self.label_noise,
            splits.num_classes,
            self.seed,
            self.label_noise_kind,
        )
        train, groups, faults = splits.train._replace(y=labels), None, None
        if self.spoiled_sources:
            train, groups, faults = datasets.spoil_sources(
                train, splits.num_classes, self.seed
            )
        splits = splits._replace(train=train)
        corrupted = train.y != true_labels
        return NoisyData(splits, true_labels, corrupted, groups, faults)

    def make_student(self, splits):
        """Makes a compiled student for images and labels like those of `splits`."""
        make = self._find_student()
        student = make(splits.train.x.shape[1:], splits.num_classes)
        student.compile(
            optimizer=keras.optimizers.Adam(self.learning_rate),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        return student

    def _find_student(self):
        if self.student in STUDENTS:
            return getattr(students, self.student)
        module, _, name = self.student.partition(":")
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise ValueError(
                f"There is no student {self.student!r} ({error}). Choose one of "
                f"{', '.join(STUDENTS)}, or 'module:function' of a function that can "
                "be imported."
            ) from error
