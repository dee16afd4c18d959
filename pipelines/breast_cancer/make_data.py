"""Writes the table as CSV files."""

import csv
import os

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from tfcommentaries import datasets
from tfcommentaries.saving.replacing import replacing_directory

LABEL_NOISE = 0.5
LABEL = "benign"
FEATURES = [name.replace(" ", "_") for name in load_breast_cancer().feature_names]


def make_data(directory, seed=0):
    """Writes `train` with wrong labels, and clean `validation` and `eval`.

    Args:
        directory: where to write; if it exists, nothing is done.
        seed: seed of the split and the wrong labels.
    """
    if os.path.isdir(directory):
        return
    x, y = load_breast_cancer(return_X_y=True)
    x, x_eval, y, y_eval = train_test_split(
        x, y, test_size=169, random_state=seed, stratify=y
    )
    x, x_validation, y, y_validation = train_test_split(
        x, y, test_size=80, random_state=seed, stratify=y
    )
    noisy, _ = datasets.corrupt_labels(y, LABEL_NOISE, 2, seed=seed)
    parts = {
        "train": (x, noisy),
        "validation": (x_validation, y_validation),
        "eval": (x_eval, y_eval),
    }
    with replacing_directory(directory) as new:
        for name, (rows, labels) in parts.items():
            os.makedirs(os.path.join(new, name))
            with open(os.path.join(new, name, "data.csv"), "w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow([*FEATURES, LABEL])
                writer.writerows([*row, label] for row, label in zip(rows, labels))
