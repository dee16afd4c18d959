"""The files of one run."""

import contextlib
import csv
import dataclasses
import importlib
import io
import math
import os
from typing import Any

from absl import logging

from tfcommentaries.cli.settings import Settings
from tfcommentaries.saving.json_files import read
from tfcommentaries.saving.manifest import to_json
from tfcommentaries.saving.replacing import replacing_file, write_text
from tfcommentaries.teaching import Comparison

#: Columns that the history of every run has.
_HISTORY = {"epoch", "loss", "hypergradient_norm"}


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

        As `locked`.
        """
        os.makedirs(self.pictures, exist_ok=True)
        return locked(os.path.join(self.path, ".lock"))

    def start(self, settings):
        """Writes `config.json`, unless something has been learned.

        Args:
            settings: `Settings`.

        Raises:
            ValueError: if the folder holds a run with other settings, or from files
                that were others.
            FileExistsError: if its `config.json` is not one of ours.
        """
        if self.begun:
            found = self.read_settings()
            differing = found.differences(settings)
            if differing:
                changes = ", ".join(
                    f"{k}: {getattr(found, k)!r} there, {getattr(settings, k)!r} now"
                    for k in differing
                )
                raise ValueError(
                    f"{self.path} holds a run with other settings ({changes}). Choose "
                    "another --run_dir, or delete that folder."
                )
            found.check_files(settings.files)
            return
        text = to_json(dataclasses.asdict(settings))
        write_text(self.config, text, lambda path: self._has_settings())

    def _has_settings(self):
        try:
            self.read_settings()
        except ValueError:
            return False
        return True

    def read_settings(self):
        """Reads `config.json`; returns `Settings`.

        Raises:
            FileNotFoundError: if there is none.
            ValueError: if it cannot be read, or does not hold settings.
        """
        if not os.path.exists(self.config):
            raise FileNotFoundError(
                f"{self.path} is not the folder of a run: it has no config.json. Run "
                "`tfcommentaries learn` first."
            )
        # Other versions have more settings, or fewer.
        return read(self.config, Settings, others=True)

    def read_learned(self, overrides):
        """The `Settings` of a finished run, with some replaced.

        Args:
            overrides: dict of the settings to replace, from the command line.

        Raises:
            FileNotFoundError: if nothing has been learned yet.
            ValueError: if `config.json` does not hold settings, or names a function
                that makes the student: only the command line may name code.
        """
        settings = self.read_settings()
        if not self.learned:
            raise FileNotFoundError(
                f"{self.path} has no commentary yet. Run the same `tfcommentaries "
                "learn` again: it resumes where it stopped."
            )
        student = settings.student or ""
        if "student" in overrides:
            files = {k: v for k, v in settings.files.items() if k != "student"}
            overrides = {**overrides, "files": files}
        elif ":" in student and not student.endswith(".keras"):
            raise ValueError(
                f"{self.config} names a function that makes the student, which is not "
                f"called unless you say so. Add --student={student:.80}"
            )
        return dataclasses.replace(settings, **overrides)

    def write_history(self, history):
        """Writes `history.csv` of a dict of lists of floats."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(history)
        writer.writerows(zip(*history.values(), strict=True))
        write_text(self.history, text.getvalue())

    def read_history(self):
        """Reads `history.csv`; returns a dict of lists of floats.

        Raises:
            ValueError: if it cannot be read, or holds anything else.
        """
        try:
            if not os.path.isfile(self.history):
                raise ValueError("it is not a file")
            with open(self.history, encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            found = {key: [float(row[key]) for row in rows] for key in rows[0]}
            if not {*found} >= _HISTORY or not all(map(math.isfinite, found["epoch"])):
                raise ValueError(f"it needs numbers in {sorted(_HISTORY)}")
        except (IndexError, TypeError, ValueError, AttributeError, csv.Error) as error:
            raise ValueError(
                f"The file {self.history} is not a table of numbers ({error}). Run "
                "`tfcommentaries learn` again, which rewrites it."
            ) from error
        return found

    def read_metrics(self):
        """Reads `metrics.json`, a `Comparison`, or gives `None` if there is none.

        Raises:
            ValueError: if it holds anything else.
        """
        if not os.path.exists(self.metrics):
            return None
        try:
            found = Comparison.from_config(read(self.metrics, dict[str, Any]))
            found.verdict()
            return found
        except ValueError as error:
            raise ValueError(
                f"The file {self.metrics} does not hold what `tfcommentaries evaluate` "
                f"writes ({error}). Run it again."
            ) from error

    def save_picture(self, figure, name):
        """Saves a Matplotlib figure as `pictures/name.png`; returns its path."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.pictures)  # Not the folder of the run, if it was deleted.
        path = os.path.join(self.pictures, f"{name}.png")
        with replacing_file(path) as written:
            figure.savefig(written, format="png", dpi=120)
        return path


@contextlib.contextmanager
def locked(path):
    """Context in which only this process has a file locked.

    Args:
        path: of the file, which is made if there is none.

    Yields:
        A function that raises a `FileNotFoundError` once the file has been deleted, or
        another one is in its place.

    Raises:
        ValueError: if another process has it locked.
    """
    folder = os.path.dirname(path)
    if os.path.lexists(path) and not os.path.isfile(path):
        raise ValueError(f"{path} is not a file. Choose another --run_dir.")
    with open(path, "a", encoding="utf-8") as file:
        try:
            fcntl = importlib.import_module("fcntl")
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"Another process is learning in {folder}. Wait for it, or choose "
                "another --run_dir."
            ) from None
        except (ImportError, OSError) as error:  # Not every system can lock files.
            logging.warning("%s is not locked: %s", path, error)

        def check():
            try:
                if os.path.samestat(os.stat(path), os.fstat(file.fileno())):
                    return
            except OSError:
                pass
            raise FileNotFoundError(
                f"The folder {folder} was deleted or replaced while this command "
                "learned in it. What is there now is not whole: delete it, and run the "
                "same command again."
            )

        yield check
        check()
