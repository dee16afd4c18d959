"""Examples from files: NumPy arrays, a table, a folder of images."""

import difflib
import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfcommentaries.datasets.csv_table import read_csv
from tfcommentaries.datasets.example_table import read_examples
from tfcommentaries.datasets.hugging_face import (
    is_saved_data_set,
    read_saved_data_set,
)
from tfcommentaries.datasets.image_folder import read_image_folder
from tfcommentaries.datasets.label_values import as_labels
from tfcommentaries.datasets.memory import check_fits
from tfcommentaries.datasets.reading import digest, reading
from tfcommentaries.datasets.shards import (
    find_files,
    format_of,
    is_folder_of_shards,
    is_pattern,
)
from tfcommentaries.datasets.splits import Examples
from tfcommentaries.datasets.table_encoding import TableEncoding
from tfcommentaries.datasets.table_images import read_images
from tfcommentaries.typing import Path


class FileData(NamedTuple):
    """The contents of a file.

    Attributes:
        examples: `Examples`; labels are indices into `classes`, or numbers.
        classes: list of the labels as the file has them, sorted; `None` for numbers.
        columns: dict of the other requested columns, `(examples,)` each.
        encoding: `TableEncoding` of the features, or `None`.
        digest: SHA-256 of all files, which shows whether they change.
    """

    examples: Examples
    classes: list | None
    columns: dict
    encoding: TableEncoding | None
    digest: str


def is_file(name):
    """Whether `load_file` may read it: a format, a pattern, or a folder with a slash.

    A bare name may be that of a data set in TFDS.
    """
    is_folder = os.path.dirname(name) and os.path.isdir(name)
    return bool(format_of(name) or is_pattern(name) or is_folder)


def load_file(
    path: Path,
    label: str | None = None,
    columns: Sequence[str] = (),
    classes: Sequence[str | int] | None = None,
    encoding: TableEncoding | None = None,
    image_size: int = 32,
    labels: str | None = None,
    image: str | None = None,
) -> FileData:
    """Loads labelled examples.

    Args:
        path: an `.npz` file with the array `x`; a `.csv`, `.csv.gz` or `.parquet`
            table, a `.tfrecord` or `.tfrecord.gz` file of tf.Examples, shards of such
            as TFX and Beam write them (`name-00000-of-00002.gz`), by a pattern
            (`name-*`) or their folder, or a folder that Hugging Face's `save_to_disk`
            wrote, whose other columns are the features (see `TableEncoding`) and which
            need the package pandas; or a folder of images, as `load_image_folder`
            takes it.
        label: name of the labels, strings or integers; `None` is `"y"` in an `.npz`
            file and `"label"` in a table.
        columns: names of further columns, which are not features. In a `.csv` file they
            stay texts: `00123` is not `123`.
        classes: those of another file, as `FileData` has them; `None` takes the labels
            of this one.
        encoding: `TableEncoding` of another file; `None` learns one from all columns
            that are not named.
        image_size: height and width of images from a folder or a column.
        labels: `"classes"`, or `"numbers"` to predict; `None` takes numbers with
            decimals as the latter, and strings and integers with few different values
            as classes.
        image: name of the column of a table with images or their paths, as for
            `read_images`. Then no other column is a feature. Paths are relative to the
            table.

    Returns:
        `FileData`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, a column is missing or occurs twice, or has
            two purposes, features are of a wrong kind or not finite, or a label is not
            in `classes`.
    """
    first = find_files(path)[0][0] if is_pattern(path) else None
    with reading(path, first):
        return _load(path, label, columns, classes, encoding, image_size, labels, image)


def _load(path, label, columns, classes, encoding, image_size, labels, image):
    saved = os.path.isdir(path) and is_saved_data_set(path)
    if os.path.isdir(path) and not saved and not is_folder_of_shards(path):
        if labels == "numbers":
            raise ValueError(f"{path} is a folder of images, whose labels are classes.")
        if label or columns or image:
            raise ValueError(
                f"{path} is a folder of images, which has no columns such as "
                f"{label or image or columns[0]!r}."
            )
        examples, classes, files = read_image_folder(path, image_size, classes)
        return FileData(examples, classes, {}, None, digest(files))
    paths, kind = ([path], None) if saved else find_files(path)
    arrays = kind == ".npz"
    if arrays and len(paths) > 1:
        raise ValueError(f"{path} stands for {len(paths)} .npz files. Give one.")
    label = label or ("y" if arrays else "label")
    if arrays and image:
        raise ValueError(f"{path} has its images in the array 'x', not in {image!r}.")
    named = [label, *columns, *([image] if image else []), *(["x"] if arrays else [])]
    double = sorted({name for name in named if named.count(name) > 1})
    if double:
        raise ValueError(
            f"The column {double[0]!r} of {path} is named for two purposes. It can be "
            "the label, the source, what is checked, or the input: one of them."
        )
    files = _files_below(path) if saved else _by_name(paths)
    if arrays:
        x, found = _read_arrays(paths[0], [label, *columns])
    else:
        table = _table(
            paths,
            kind,
            columns,
            None if labels == "numbers" else label,
            classes,
            encoding,
            image,
        )
        double = sorted(map(str, table.columns[table.columns.duplicated()]))
        if double:
            raise ValueError(f"{path} has several columns {double[0]!r}.")
        _check_names(path, named, table)
        if not len(table):
            raise ValueError(f"{path} holds no examples.")
        found = {name: _values(table[name]) for name in [label, *columns]}
        try:
            if image:
                folder = path if saved else os.path.dirname(paths[0])
                x, images = read_images(table[image], image_size, folder)
                files.update(images)
            else:
                encoding = encoding or TableEncoding(table.drop(columns=list(found)))
                _check_names(path, [c.name for c in encoding.columns], table)
                x = encoding(table)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    if not len(x):
        raise ValueError(f"{path} holds no examples.")
    if not np.isfinite(x).all():
        raise ValueError(
            f"{path} has {(~np.isfinite(x)).sum()} features that are missing or not "
            "finite. Fill them, or leave their rows out."
        )
    y, classes = as_labels(path, label, found[label], classes, labels)
    others = {name: found[name] for name in columns}
    for name, column in others.items():
        if column.dtype.kind not in "biufOSU":
            raise ValueError(
                f"The column {name!r} of {path} must hold texts or numbers. It holds "
                f"{column.dtype}."
            )
    return FileData(Examples(x, y), classes, others, encoding, digest(files))


def _by_name(paths):
    """A dict of files by name; of a single one the name does not count."""
    return {"" if len(paths) == 1 else os.path.basename(p): p for p in paths}


def _files_below(folder):
    """All files of a folder, a dict by name."""
    files = [os.path.join(at, n) for at, _, names in os.walk(folder) for n in names]
    return {os.path.relpath(f, folder): f for f in files if os.path.isfile(f)}


def _read_arrays(path, names):
    with np.load(path, allow_pickle=False) as file:
        _check_names(path, ["x", *names], list(file))
        size = sum(member.file_size for member in file.zip.infolist())
        check_fits(size, f"The arrays in {path}", "Is it what you meant to read?")
        x = file["x"]
        found = {name: file[name] for name in names}
    if x.dtype.kind not in "biuf":
        raise ValueError(f"The array 'x' of {path} must hold numbers, not {x.dtype}.")
    if x.ndim < 2 or not all(x.shape[1:]):
        raise ValueError(
            f"The array 'x' of {path} must have a row of features, or an image, for "
            f"each example. Its shape is {x.shape}."
        )
    with np.errstate(over="ignore"):  # What is too large is not finite.
        x = x.astype("float32")
    for name, column in found.items():
        if column.shape != x.shape[:1]:
            raise ValueError(
                f"{path} must have one value of {name!r} for each of its {len(x)} "
                f"examples. Its shape is {column.shape}."
            )
    return x, found


def _values(series):
    """A column as an array, `None` where a value is missing."""
    if not series.isna().any() or series.dtype.kind == "f":
        return series.to_numpy()
    return series.astype(object).where(series.notna(), None).to_numpy()


def _table(paths, kind, columns, label, classes, encoding, image):
    """The table in files of one format; `label` is `None` if it holds numbers."""
    try:
        import pandas

        if kind is None:
            import pyarrow  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"Reading {paths[0]} needs {error.name}: pip install {error.name}"
        ) from error
    if kind is None:
        return read_saved_data_set(paths[0])
    if kind == ".csv":
        # Columns of texts stay texts, even if all of them are numbers here.
        known = encoding.columns if encoding else []
        texts = {c.name: "string" for c in known if c.categories is not None}
        columns = list(columns)
        if classes and isinstance(classes[0], str):
            columns.append(label)
        return read_csv(paths, columns, label, texts)
    if kind == ".parquet":
        tables = [pandas.read_parquet(path) for path in paths]
        return pandas.concat(tables, ignore_index=True)
    return read_examples(paths, image)


def _check_names(path, names, there):
    for name in names:
        if name not in there:
            near = difflib.get_close_matches(name, map(str, there), 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            names = repr(sorted(map(str, there)))
            raise ValueError(
                f"{path} must hold {name!r:.80}.{hint:.80} It holds {names:.150}."
            )
