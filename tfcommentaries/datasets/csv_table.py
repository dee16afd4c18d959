"""A table from a CSV file, whose columns are what the file says."""

import csv


def read_csv(path, texts=(), classes=None, types=None):
    """Reads a CSV file in UTF-8 whose first line names the columns.

    Args:
        path: of the file.
        texts: names of columns that stay the texts that they are, such as `00123`;
            what is empty is `None`.
        classes: name of a column of classes, which stays texts too if as numbers or
            truth values two of them would be the same, or `None`.
        types: dict from names of other columns to their pandas types.

    Returns:
        A `pandas.DataFrame`.

    Raises:
        ValueError: if a line has more or fewer values than the first, two columns have
            one name, or the file is not in UTF-8.
    """
    import pandas

    given = _texts(path, {*texts, classes} - {None})
    table = pandas.read_csv(path, dtype=types)
    if any(len(column) != len(table) for column in given.values()):
        raise ValueError(f"{path} has lines that cannot be told apart.")
    for name, column in given.items():
        parsed = table[name]
        different = len({t.strip() for t in column if t})
        if name in texts or (
            parsed.dtype.kind in "biu" and parsed.nunique() < different
        ):
            table[name] = pandas.Series([t or None for t in column], dtype=object)
    return table


def _texts(path, names):
    """A dict from these columns to lists of texts; all lines are checked."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
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
    return found


def _undecodable(path):
    """Number of the first line that is not in UTF-8."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1
