"""Columns of groups that stand beside the inputs of a student.

In the inputs of a commentary each column has an entry with the integers of
`GroupNames`; see `index_name`.
"""

import warnings

import numpy as np
import tensorflow as tf

from tfcommentaries.commentaries.group_names import GroupNames
from tfcommentaries.commentaries.input_arrays import input_arrays


def columns_of(groups):
    """`GroupNames` by the names of the columns.

    Args:
        groups: as for `GroupWeighting`.

    Raises:
        ValueError: if there is no column, or two have entries of one name.
    """
    columns = groups if isinstance(groups, dict) else {"group": groups}
    if not columns:
        raise ValueError("`groups` is empty: name at least one column.")
    if taken := set(columns) & set(map(index_name, columns)):
        raise ValueError(
            f"The column {few(taken)} has the name of the integers of another "
            "one. Name it otherwise."
        )
    return {
        name: column
        if isinstance(column, GroupNames)
        else GroupNames.of_column(column, title(name))
        for name, column in columns.items()
    }


def with_groups(columns, x, groups):
    """Inputs with groups beside them; see `GroupWeighting.add_groups`."""
    if isinstance(x, tf.data.Dataset):
        raise TypeError(
            "`add_groups` takes inputs, not a data set. Call it in one: `data.map("
            "lambda x, y, groups: (weighting.add_groups(x, groups), y))`."
        )
    groups = groups if isinstance(groups, dict) else {"group": groups}
    if set(groups) != set(columns):
        raise ValueError(
            f"This GroupWeighting needs {few(columns)}, received "
            f"{few(groups)}. Give its columns by name: `add_groups(x, "
            f"{{{next(iter(columns))!r}: ...}})`."
        )
    x = input_arrays(x)
    x = x if isinstance(x, dict) else {"x": x}
    if taken := set(x) & {*groups, *map(index_name, groups)}:
        raise ValueError(
            f"The inputs already have an entry {few(taken)}, so groups cannot "
            "stand beside them under this name. Name the column of groups "
            "otherwise: `GroupWeighting({'source': source})`."
        )
    for name, column in groups.items():
        for inputs in tf.nest.flatten(x):
            counts = _length(inputs), _length(column)
            if None not in counts and counts[0] != counts[1]:
                raise ValueError(
                    f"There must be as many {title(name)} as examples. Received: "
                    f"{counts[1]} for {counts[0]} examples"
                )
    return with_indices(columns, {**x, **groups})


def with_indices(columns, x):
    """Inputs with integers in place of the names of groups."""
    if not isinstance(x, dict):
        return x
    x = dict(x)
    for name, column in columns.items():
        if name in x and index_name(name) not in x:
            given = x.pop(name)
            index = column.index(given, title(name))
            if isinstance(index, np.ndarray):
                _warn_of_unknown(name, given, index)
            x[index_name(name)] = index
    return x


def indices(columns, x):
    """The entries of prepared inputs with the integers of all columns, a dict.

    Raises:
        ValueError: if the inputs lack them.
    """
    beside = x if isinstance(x, dict) else {}
    lacking = [name for name in columns if index_name(name) not in beside]
    if lacking:
        came = sorted(x) if isinstance(x, dict) else "inputs alone"
        raise ValueError(
            f"This GroupWeighting needs the {few(map(title, lacking))} of each "
            f"example beside its inputs. Received: {came}. Give "
            "`weighting.add_groups(x, groups)` as x."
        )
    return {index_name(name): beside[index_name(name)] for name in columns}


def matched(groups, old, logits):
    """Logits of groups from those of others with the same names.

    Args:
        groups: `GroupNames`.
        old: `GroupNames` that the logits are of.
        logits: array `(old groups, ...)`.

    Returns:
        `(logits, new, gone)`: logits `(groups, ...)`, of new groups that of the mean
        weight; names of groups that only one of the two has.
    """
    share = np.array(old.counts) / max(sum(old.counts), 1)
    mean = np.tensordot(share, 1 / (1 + np.exp(-logits)), 1)
    neutral = np.log(mean) - np.log1p(-mean)
    known, now = dict(zip(old.names, logits)), set(groups.names)
    rows = np.stack([known.get(name, neutral) for name in groups.names])
    new = [name for name in groups.names if name not in known]
    return rows, new, [name for name in old.names if name not in now]


def without_groups(columns, x):
    """The inputs of a student."""
    if not isinstance(x, dict):
        return x
    hidden = {*columns, *map(index_name, columns)}
    left = {key: value for key, value in x.items() if key not in hidden}
    return left["x"] if set(left) == {"x"} else left


def index_name(column):
    """Name of the entry of x with the integers of a column."""
    return f"{column}_index"


def title(column):
    """What to call a column in messages."""
    return "groups" if column == "group" else f"groups of {column!r}"


def few(names, most=5):
    """Some of the names, as text."""
    names = list(map(str, names))
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _warn_of_unknown(name, given, index):
    if (index == 0).any():
        unknown = np.unique(np.asarray(given)[index == 0]).tolist()
        warnings.warn(
            f"{(index == 0).sum()} of {index.size} examples are of {title(name)} "
            f"that were not seen in learning: {few(unknown)}. They get the mean "
            "weight.",
            stacklevel=5,
        )


def _length(values):
    """The number of examples, or `None` for one alone or if it is not known."""
    if tf.is_tensor(values):
        return values.shape[0] if values.shape.rank else None
    return len(values) if np.ndim(values) else None
