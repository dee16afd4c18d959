"""The files of one run."""

import csv
import json
import os

from tfcommentaries.cli.task import Task
from tfcommentaries.saving.manifest import to_json
from tfcommentaries.saving.replacing import write_text


class RunFolder:
    """Where `learn` writes and the other commands read.

    Args:
        path: directory of the run.
    """

    def __init__(self, path):
        self.path = path
        self.commentary = os.path.join(path, "commentary")
        self.checkpoint = os.path.join(path, "checkpoint")
        self.history = os.path.join(path, "history.csv")
        self.pictures = os.path.join(path, "pictures")
        self.config = os.path.join(path, "config.json")
        self.metrics = os.path.join(path, "metrics.json")

    @property
    def learned(self):
        """Whether the run has a finished commentary."""
        return os.path.exists(os.path.join(self.commentary, "saved_model.pb"))

    def start(self, config):
        """Makes the folder and writes `config.json`.

        Raises:
            ValueError: if the folder holds a run with another config.
        """
        if os.path.exists(self.config):
            found = self.read_config()
            differing = sorted(
                key for key in {*found, *config} if found.get(key) != config.get(key)
            )
            if differing:
                changes = ", ".join(
                    f"{k}: {found.get(k)!r} there, {config.get(k)!r} now"
                    for k in differing
                )
                raise ValueError(
                    f"{self.path} holds a run with other settings ({changes}). Choose "
                    "another --run_dir, or delete that one."
                )
            return
        os.makedirs(self.pictures, exist_ok=True)
        write_text(self.config, to_json(config))

    def read_config(self):
        """Reads `config.json`.

        Raises:
            FileNotFoundError: if there is none.
        """
        if not os.path.exists(self.config):
            raise FileNotFoundError(
                f"{self.path} is not the folder of a run: it has no config.json. Run "
                "`tfcommentaries learn` first."
            )
        with open(self.config, encoding="utf-8") as file:
            return json.load(file)

    def read_task(self, overrides):
        """The `Task` of a run that is learned, with some settings replaced.

        Raises:
            FileNotFoundError: if nothing has been learned yet.
        """
        config = self.read_config()
        if not self.learned:
            raise FileNotFoundError(
                f"{self.path} has no commentary yet. Run the same `tfcommentaries "
                "learn` again: it goes on where it was."
            )
        return Task.from_config({**config, **overrides})

    def read_history(self):
        """Reads `history.csv`; returns a dict of lists of floats."""
        with open(self.history, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        # Keras writes a column of NA for each metric's missing validation value.
        keys = [key for key in rows[0] if not key.startswith("val_")]
        return {key: [float(row[key]) for row in rows] for key in keys}

    def save_picture(self, figure, name):
        """Saves a Matplotlib figure as `pictures/name.png`; returns its path."""
        os.makedirs(self.pictures, exist_ok=True)
        path = os.path.join(self.pictures, f"{name}.png")
        written = f"{path}.new"
        figure.savefig(written, format="png", dpi=120)
        os.replace(written, path)
        return path
