"""The files of one run."""

import contextlib
import csv
import importlib
import io
import json
import os

from absl import logging

from tfcommentaries.cli.task import Task
from tfcommentaries.saving.json_files import read_json
from tfcommentaries.saving.manifest import to_json
from tfcommentaries.saving.replacing import write_text
from tfcommentaries.teaching import Comparison


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
    def begun(self):
        """Whether anything has been learned, after which settings must not change."""
        saved = os.path.join(self.checkpoint, "checkpoint")
        return self.learned or os.path.exists(saved)

    @property
    def learned(self):
        """Whether the run has a finished commentary."""
        return os.path.exists(os.path.join(self.commentary, "saved_model.pb"))

    def alone(self):
        """Makes the folder; returns a context in which only this process learns in it.

        Raises:
            ValueError: if another process learns in it.
        """
        os.makedirs(self.pictures, exist_ok=True)
        return locked(os.path.join(self.path, ".lock"))

    def start(self, config):
        """Writes `config.json`, unless something has been learned.

        Raises:
            ValueError: if the folder holds a run with another config.
        """
        if self.begun:
            # Older versions had fewer settings.
            found = {**Task.defaults(), **self.read_config()}
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
                    "another --run_dir, or delete that folder."
                )
            return
        write_text(self.config, to_json(config))

    def read_config(self):
        """Reads `config.json`.

        Raises:
            FileNotFoundError: if there is none.
            ValueError: if it cannot be read.
        """
        if not os.path.exists(self.config):
            raise FileNotFoundError(
                f"{self.path} is not the folder of a run: it has no config.json. Run "
                "`tfcommentaries learn` first."
            )
        return read_json(self.config, {})

    def read_task(self, overrides):
        """The `Task` of a finished run, with some settings replaced.

        Raises:
            FileNotFoundError: if nothing has been learned yet.
            ValueError: if `config.json` does not describe one.
        """
        config = self.read_config()
        if not self.learned:
            raise FileNotFoundError(
                f"{self.path} has no commentary yet. Run the same `tfcommentaries "
                "learn` again: it resumes where it stopped."
            )
        try:
            return Task.from_config({**config, **overrides})
        except ValueError as error:
            raise ValueError(f"{self.config}: {error}") from error

    def write_history(self, history):
        """Writes `history.csv` of a dict of lists of floats."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(history)
        writer.writerows(zip(*history.values(), strict=True))
        write_text(self.history, text.getvalue())

    def read_history(self):
        """Reads `history.csv`; returns a dict of lists of floats."""
        try:
            with open(self.history, encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            # Older versions have a column of NA for each metric's validation value.
            keys = [key for key in rows[0] if not key.startswith("val_")]
            return {key: [float(row[key]) for row in rows] for key in keys}
        except (IndexError, TypeError, ValueError, AttributeError, csv.Error) as error:
            raise ValueError(
                f"The file {self.history} is not a table of numbers ({error}). Run "
                "`tfcommentaries learn` again, which rewrites it."
            ) from error

    def read_metrics(self):
        """Reads `metrics.json`, a `Comparison`, or gives `None` if there is none.

        Raises:
            ValueError: if it holds anything else.
        """
        if not os.path.exists(self.metrics):
            return None
        try:
            with open(self.metrics, encoding="utf-8") as file:
                return Comparison.from_config(json.load(file))
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"The file {self.metrics} cannot be read ({error!s:.200}). Run "
                "`tfcommentaries evaluate` again, which rewrites it."
            ) from error

    def save_picture(self, figure, name):
        """Saves a Matplotlib figure as `pictures/name.png`; returns its path."""
        os.makedirs(self.pictures, exist_ok=True)
        path = os.path.join(self.pictures, f"{name}.png")
        written = f"{path}.new"
        figure.savefig(written, format="png", dpi=120)
        os.replace(written, path)
        return path


@contextlib.contextmanager
def locked(path):
    """Context in which only this process has a file locked.

    Raises:
        ValueError: if another process has it locked.
    """
    with open(path, "a", encoding="utf-8") as file:
        try:
            fcntl = importlib.import_module("fcntl")
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"Another process is learning in {os.path.dirname(path)}. Wait for it, "
                "or choose another --run_dir."
            ) from None
        except (ImportError, OSError) as error:  # Not every system can lock files.
            logging.warning("%s is not locked: %s", path, error)
        yield
