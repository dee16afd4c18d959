"""The data and the student of a run."""

import dataclasses
import functools
import os
from typing import Literal, NamedTuple

import keras
import numpy as np

from tfcommentaries import datasets
from tfcommentaries.cli.student import make_student
from tfcommentaries.datasets.files import is_file
from tfcommentaries.datasets.reading import digest
from tfcommentaries.datasets.truth_values import truth_values

#: Settings that only apply to files.
_OF_FILES = ("checked_column", "validation_data", "test_data")
#: Those of names of columns, or of features of TFDS.
_OF_COLUMNS = ("label_column", "group_column", "labels", "image_column")
#: The least that a setting may be; none may be 2**31 or more.
_LEAST = {
    "train_size": 1,
    "validation_size": 1,
    "test_size": 1,
    "batch_size": 1,
    "seed": 0,
    "image_size": 1,
}


class NoisyData(NamedTuple):
    """Data whose training labels may be wrong.

    Attributes:
        splits: `Splits`, with the labels that a student sees.
        true_labels: training labels before any corruption.
        corrupted: which training labels are wrong.
        groups: source of each training example, or `None`.
        faults: dict from a source to what is wrong with it, or `None`.
        encoding: `TableEncoding` of a table, or `None`.
        files: dict from settings to digests of the files that they name.
    """

    splits: datasets.Splits
    true_labels: np.ndarray
    corrupted: np.ndarray
    groups: np.ndarray | None = None
    faults: dict | None = None
    encoding: datasets.TableEncoding | None = None
    files: dict | None = None

    def inputs(self, commentary):
        """Inputs of the training examples as a commentary takes them."""
        x = self.splits.train.x
        return x if self.groups is None else commentary.add_groups(x, self.groups)

    def some(self, commentary, number):
        """The first training `Examples`, with inputs as a commentary takes them."""
        inputs = keras.tree.map_structure(lambda a: a[:number], self.inputs(commentary))
        return datasets.Examples(inputs, self.splits.train.y[:number])

    def notes(self):
        """What pictures say of each source beside its name, or `None`."""
        return self.faults and {
            name: "nothing wrong" if fault == "nothing" else fault
            for name, fault in self.faults.items()
        }


@dataclasses.dataclass(frozen=True)
class Task:
    """Settings of the data and the student; see `add_task_arguments`.

    Raises:
        ValueError: if a setting is out of its range.
    """

    dataset: str
    data_dir: str | None
    train_size: int | None
    validation_size: int
    test_size: int | None
    label_noise: float
    student: str | None
    learning_rate: float
    batch_size: int
    seed: int
    # Runs of older versions may lack these.
    label_noise_kind: Literal["random", "pair"] = "random"
    spoiled_sources: bool = False
    label_column: str | None = None
    group_column: str | None = None
    checked_column: str | None = None
    validation_data: str | None = None
    test_data: str | None = None
    image_size: int = 32
    labels: Literal["classes", "numbers"] | None = None
    image_column: str | None = None
    true_label_column: str | None = None

    def __post_init__(self):
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not least <= value < 2**31:
                raise ValueError(
                    f"The setting {name!r} must be from {least} to 2147483647. "
                    f"Received: {value}"
                )
        if not 0 <= self.label_noise <= 1:
            raise ValueError(
                "The setting 'label_noise' must be from 0 to 1. Received: "
                f"{self.label_noise}"
            )
        if not 0 < self.learning_rate < float("inf"):
            raise ValueError(
                "The setting 'learning_rate' must be above 0. Received: "
                f"{self.learning_rate}"
            )

    def load_data(self):
        """Loads the splits and spoils training examples; returns `NoisyData`."""
        groups = encoding = true_labels = None
        files = {}
        of_file = self.dataset != "digits" and is_file(self.dataset)
        self._check_columns(of_file)
        if of_file:
            splits, groups, encoding, files = self._load_file()
        elif self.dataset == "digits":
            splits = datasets.load_digits(
                self.validation_size, self.test_size or 497, self.seed
            )
            if self.train_size is not None:
                train = datasets.Examples(*(a[: self.train_size] for a in splits.train))
                splits = splits._replace(train=train)
        else:
            splits, true_labels, groups, encoding = datasets.read_tfds(
                self.dataset,
                self.data_dir,
                self.train_size,
                self.validation_size,
                self.test_size,
                self.seed,
                label=self.label_column,
                true_label=self.true_label_column,
                group=self.group_column,
                image=self.image_column,
                labels=self.labels,
            )
        if splits.num_classes is None and (self.label_noise or self.spoiled_sources):
            raise ValueError(
                "--label_noise and --spoiled_sources are for classes, but the labels "
                f"of {self.dataset:.100} are numbers."
            )
        labels = splits.train.y
        true_labels = labels if true_labels is None else true_labels
        if self.label_noise:
            labels, _ = datasets.corrupt_labels(
                labels,
                self.label_noise,
                splits.num_classes,
                self.seed,
                self.label_noise_kind,
            )
        train, faults = splits.train._replace(y=labels), None
        if self.spoiled_sources:
            if groups is not None:
                raise ValueError("--spoiled_sources is for data without groups.")
            train, groups, faults = datasets.spoil_sources(
                train, splits.num_classes, self.seed
            )
        splits = splits._replace(train=train)
        corrupted = train.y != true_labels
        student = self.student or ""
        if student.endswith(".keras") and os.path.isfile(student):
            files["student"] = digest({"": student})
        return NoisyData(
            splits, true_labels, corrupted, groups, faults, encoding, files
        )

    def _check_columns(self, of_file):
        """Raises if there is a setting that is not for this kind of data set."""
        others = () if of_file else _OF_FILES
        others += ("true_label_column",) if of_file else ()
        if self.dataset == "digits":
            others += (*_OF_COLUMNS, "true_label_column")
        given = [f"--{name}" for name in others if getattr(self, name)]
        if not given:
            return
        if of_file:
            raise ValueError(
                f"{given[0]} is for data sets of TFDS. The checked examples of a file "
                "have labels of their own: see --checked_column and --validation_data."
            )
        raise ValueError(
            f"{', '.join(given)} is for files, but --dataset={self.dataset:.100} "
            f"does not end with {', '.join(datasets.FORMATS)} and is not a folder."
        )

    def _load_file(self):
        """`Splits`, each training example's group, the encoding, and digests."""
        if bool(self.checked_column) == bool(self.validation_data):
            raise ValueError(
                f"Which examples of {self.dataset:.100} have you checked? Name a "
                "column of it with --checked_column, or another file or folder with "
                "--validation_data; one of the two."
            )
        columns = [name for name in (self.group_column, self.checked_column) if name]
        train = datasets.load_file(
            self.dataset,
            self.label_column,
            columns,
            image_size=self.image_size,
            labels=self.labels,
            image=self.image_column,
        )
        files = {"dataset": train.digest}
        groups = train.columns.get(self.group_column)
        if self.checked_column:
            checked = truth_values(
                train.columns[self.checked_column],
                f"The column {self.checked_column!r} of {self.dataset:.100}",
            )
            if not checked.any() or checked.all():
                raise ValueError(
                    f"Some but not all examples of {self.dataset:.100} must be "
                    f"checked. The column {self.checked_column!r} marks "
                    f"{checked.sum()} of {len(checked)}."
                )
            x, y = train.examples
            validation = datasets.Examples(x[checked], y[checked])
            examples = datasets.Examples(x[~checked], y[~checked])
            groups = None if groups is None else groups[~checked]
        else:
            examples = train.examples
            validation, files["validation_data"] = self._like(
                train, self.validation_data
            )
        test = datasets.Examples(*(part[:0] for part in train.examples))
        if self.test_data:
            test, files["test_data"] = self._like(train, self.test_data)
        if groups is not None and groups.dtype.kind == "O":
            lacking = sum(group is None for group in groups)
            if lacking:
                raise ValueError(
                    f"{lacking} of the {len(groups)} training examples of "
                    f"{self.dataset:.100} have no {self.group_column!r}. Name their "
                    "source too, for instance 'unknown', or leave them out."
                )
        classes = train.classes and len(train.classes)
        splits = datasets.Splits(examples, validation, test, classes, self.dataset)
        return splits, groups, train.encoding, files

    def _like(self, train, path):
        """Examples of another file with the same features, and its digest."""
        found = datasets.load_file(
            path,
            self.label_column,
            classes=train.classes,
            encoding=train.encoding,
            image_size=self.image_size,
            labels="classes" if train.classes else "numbers",
            image=self.image_column,
        )
        if found.examples.x.shape[1:] != train.examples.x.shape[1:]:
            raise ValueError(
                f"{path} has inputs of shape {found.examples.x.shape[1:]}, but "
                f"{self.dataset:.100} has {train.examples.x.shape[1:]}."
            )
        return found.examples, found.digest

    def new_students(self, splits, commentary):
        """What new students are made from: a student, or the function that makes it.

        A function for a user's own model, which Keras may be unable to clone.

        Args:
            splits: `Splits`.
            commentary: as for `make_student`.
        """
        make = functools.partial(self.make_student, splits, commentary)
        return make if ":" in (self.student or "") else make()

    def make_student(self, splits, commentary=None):
        """Makes a compiled student for inputs and labels like those of `splits`.

        Args:
            splits: `Splits`.
            commentary: the `Commentary` that it is taught with, which may give labels
                in another form; or `None`.
        """
        return make_student(self.student, splits, self.learning_rate, commentary)
