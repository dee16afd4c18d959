"""Whether files have the columns that arguments name. Imports no TensorFlow."""

import csv
import difflib
import os
import zipfile


def check(args):
    """Looks at the heads of files, before anything slow.

    Args:
        args: arguments of `learn`.

    Raises:
        ValueError: if a `.csv` or `.npz` file lacks a column that an argument names.
    """
    of_training = ("label", "image", "group", "checked")
    for path, needed in (
        (args.dataset, of_training),
        (args.validation_data, of_training[:2]),
        (args.test_data, of_training[:2]),
    ):
        there = _columns(path)
        for role in needed if there else ():
            flag, name = f"--{role}_column", getattr(args, f"{role}_column")
            if role == "label" and name is None:
                name = "y" if path.endswith(".npz") else "label"
            if name is not None and name not in there:
                near = difflib.get_close_matches(name, there, 1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise ValueError(
                    f"{path:.100} has no column {name!r:.50}. Name the one that it "
                    f"has with {flag}.{hint} It holds {', '.join(there):.120}."
                )


def _columns(path):
    """Names of columns or arrays, or `None` where that is not quick to see."""
    try:
        if path and path.endswith(".csv"):
            with open(path, encoding="utf-8-sig", newline="") as file:
                names = next(csv.reader(file), [])
                # Pandas gives names of its own to others.
                return names if all(names) and len(set(names)) == len(names) else None
        if path and path.endswith(".npz"):
            with zipfile.ZipFile(path) as file:
                return [os.path.splitext(name)[0] for name in file.namelist()]
    except (OSError, ValueError, csv.Error, zipfile.BadZipFile):
        pass  # What reads the whole file says what is wrong with it.
    return None
