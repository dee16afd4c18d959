"""A table from CSV files, whose columns are what the files say."""

import csv
import gzip


def read_csv(paths, texts=(), classes=None, types=None):
    """Reads CSV files in UTF-8 whose first lines name the columns.

    Args:
        paths: of the files, all with the same columns, compressed if they end with
            `.gz`.
        texts: names of columns that stay the texts that they are, such as `00123`;
            what is empty is `None`.
        classes: name of a column of classes, which stays texts too if as numbers or
            truth values two of them would be the same, or `None`.
        types: dict from names of other columns to their pandas types.

    Returns:
        A `pandas.DataFrame`.

    Raises:
        ValueError: if a line has more or fewer values than the first, two columns have
            one name, files have different columns, or one is not in UTF-8.
    """
    import pandas

    given, header = {}, None
    for path in paths:
        found, columns = _texts(path, {*texts, classes} - {None})
        if columns != (header or columns):
            raise ValueError(
                f"{path} has the columns {columns}, but {paths[0]} has {header}. All "
                "files must have the same, in one order."
            )
        header = columns
        for name, column in found.items():
            given.setdefault(name, []).extend(column)
    table = _table(paths, types)
    if any(len(column) != len(table) for column in given.values()):
        raise ValueError(f"{paths[0]} has lines that cannot be told apart.")
    for name, column in given.items():
        parsed = table[name]
        different = len({t.strip() for t in column if t})
        if name in texts or (
            parsed.dtype.kind in "biu" and parsed.nunique() < different
        ):
            table[name] = pandas.Series([t or None for t in column], dtype=object)
    return table


def _table(paths, types):
    """One table, whose columns are of the types that they would be in one file."""
    import pandas

    tables = [pandas.read_csv(path, dtype=types) for path in paths]
    several = {}
    for name in tables[0].columns:
        kinds = {
            "numbers" if table[name].dtype.kind in "iuf" else str(table[name].dtype)
            for table in tables
            if table[name].notna().any()
        }
        if len(kinds) > 1:
            several[name] = "string"
    if several:
        types = {**(types or {}), **several}
        tables = [pandas.read_csv(path, dtype=types) for path in paths]
    return pandas.concat(tables, ignore_index=True)


def _open(path):
    if path.endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return open(path, encoding="utf-8-sig", newline="")


def _texts(path, names):
    """A dict from these columns to lists of texts, and all columns.

    All lines are checked.
    """
    try:
        with _open(path) as file:
            lines = csv.reader(file)
            header = next(lines, [])
            if not header:
                raise ValueError(f"{path} is empty: its first line names no columns.")
            double = sorted({name for name in header if header.count(name) > 1})
            if double:
                raise ValueError(
                    f"{path} has {header.count(double[0])} columns {double[0]!r}. Give "
                    "each a name of its own, or leave one out."
                )
            found = {name: [] for name in header if name in names}
            columns = [(header.index(name), found[name]) for name in found]
            for line in lines:
                if len(line) < 2 and not "".join(line).strip():
                    continue  # It is blank.
                if len(line) != len(header):
                    raise ValueError(
                        f"Line {lines.line_num} of {path} has {len(line)} values, but "
                        f"its first line names {len(header)} columns."
                    )
                for place, column in columns:
                    column.append(line[place])
    except UnicodeDecodeError as error:
        raise ValueError(
            f"Line {_undecodable(path)} of {path} is not in UTF-8 ({error.reason}). "
            "Save the file in UTF-8."
        ) from error
    except csv.Error as error:
        raise ValueError(f"Line {lines.line_num} of {path}: {error}.") from error
    return found, header


def _undecodable(path):
    """Number of the first line that is not in UTF-8."""
    with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1
