"""The weights of a group weighting as a readable table."""

import functools
import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfcommentaries.typing import ArrayLike, Config, Self

if TYPE_CHECKING:
    import pandas

#: Minimum weights of groups to trust, and to look at, relative to the largest of their
#: column. Over five seeds the first separated the good sources of MNIST from all others
#: (`experiments/sources`).
TRUST, LOOK_AT = 0.5, 0.15
#: Groups whose weights all reach this share of the largest do not differ.
ALIKE = 0.8


class GroupTable(Sequence[Config]):
    """The weight of each group, with advice; it prints as a text table.

    A sequence of rows, dicts `{"column", "group", "examples", "weight", "advice"}` and,
    if they apply, `"disagreement"`, `"weight_by_class"` (a list),
    `"weight_over_training"` (a list, from start to end), `"seen"` (how many examples
    learning read, repeats included), `"only_class"` (the class of all of these),
    `"low"` and `"high"` (the smallest and the largest weight, after
    `CommentaryLearner(repeats=...)`) and `"new"` (`True` if learning started from a
    commentary without this group).

    Args:
        entries: dict from the names of entries to the values of all rows, in order of
            the weights, `None` where a row has no such entry. Arrays are kept.
        doubt: see `Commentary.doubt`; printed below the table.

    Raises:
        ValueError: if there are not as many values of each entry.
    """

    #: Arrays by the names of entries that occur, `(rows,)`: of numbers, or of objects.
    entries: dict[str, np.ndarray]

    def __init__(
        self, entries: Mapping[str, ArrayLike], doubt: str | None = None
    ) -> None:
        arrays = {name: _array(values) for name, values in entries.items()}
        self.entries = {n: a for n, a in arrays.items() if _occurs(a)}
        self.doubt = doubt
        lengths = {name: len(values) for name, values in arrays.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(
                f"All entries must have a value for each row. Received: {lengths}"
            )

    @classmethod
    def of_rows(
        cls, rows: Iterable[Mapping[str, Any]], doubt: str | None = None
    ) -> Self:
        """Makes a table of rows, dicts in the order of their weights."""
        rows = list(rows)
        names = dict.fromkeys(name for row in rows for name in row)
        return cls({name: [row.get(name) for row in rows] for name in names}, doubt)

    @classmethod
    def joined(cls, tables: Sequence[Self], doubt: str | None = None) -> Self:
        """All rows of some tables, largest weights first."""
        names = dict.fromkeys(name for table in tables for name in table.entries)
        parts = {
            name: [t.entries.get(name, np.full(len(t), None)) for t in tables]
            for name in names
        }
        entries = {
            name: values[0] if len(values) == 1 else np.concatenate(values)
            for name, values in parts.items()
        }
        order = np.argsort(-entries["weight"], kind="stable")
        return cls({name: values[order] for name, values in entries.items()}, doubt)

    def __len__(self) -> int:
        return len(next(iter(self.entries.values()), ()))

    def __iter__(self) -> Iterator[Config]:
        columns = [values.tolist() for values in self.entries.values()]
        for row in zip(*columns):
            found = zip(self.entries, row)
            yield {name: value for name, value in found if value is not None}

    def __getitem__(self, index):
        rows = index if isinstance(index, slice) else [index]
        entries = {name: values[rows] for name, values in self.entries.items()}
        table = GroupTable(entries, self.doubt)
        table._several = self._several
        return table if isinstance(index, slice) else next(iter(table))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GroupTable | list) and list(self) == list(other)

    @property
    def columns(self) -> list[str]:
        """Names of the columns of groups, those of large weights first."""
        return list(dict.fromkeys(self.entries["column"].tolist()))

    @functools.cached_property
    def _several(self):
        """Whether there are several columns, or were before rows were left out."""
        return len(self.columns) > 1

    def names(self) -> list[str]:
        """What to call each group: with its column, if there are several."""
        groups = self.entries["group"].tolist()
        if not self._several:
            return [str(group) for group in groups]
        columns = self.entries["column"].tolist()
        return [f"{column} {group}" for column, group in zip(columns, groups)]

    def advice(self) -> list[str]:
        """Advice on each group, a list of texts; see `advise`."""
        return self.entries["advice"].tolist()

    def trusted(self, column: str | None = None) -> list[str | int]:
        """The groups to train on instead of using the weights.

        Args:
            column: name of the column; `None` takes all.

        Returns:
            A list of names, largest weights first. All groups, if the weights do not
            differ; none, if nothing is known about the groups. A `"cannot tell"` group
            is included if its weight is at least half of the largest: without such
            groups, students had too few examples.
        """
        columns, weights = self.entries["column"], self.entries["weight"]
        advice = self.entries["advice"]
        kept = np.isin(advice, ["trust", "no difference", "class weight"])
        unsure = advice == "cannot tell"
        for name in self.columns if unsure.any() else ():
            own = columns == name
            known = own & (unsure | (advice == "trust"))
            kept |= own & unsure & (weights >= TRUST * weights[known].max(initial=0))
        if column is not None:
            kept &= columns == column
        return self.entries["group"][kept].tolist()

    def ends(self, most: int) -> tuple[Self, Self]:
        """The first and the last rows, `most` in all.

        Returns:
            `(first, last)`, tables; `first` has all rows if there are no more.
        """
        if len(self) <= most:
            return self, self[:0]
        return self[: most // 2], self[-(most // 2) :]

    def to_dict(self) -> dict[str, list]:
        """The entries as lists, which JSON can hold; `GroupTable` takes them."""
        return {name: values.tolist() for name, values in self.entries.items()}

    def to_pandas(self) -> "pandas.DataFrame":
        """The rows as a `pandas.DataFrame`, the advice among their columns."""
        # Only this needs it.
        import pandas

        return pandas.DataFrame(list(self))

    def _repr_html_(self):
        """A table with bars, for notebooks."""
        lines, sure = [], "high" in self.entries
        for row in self:
            width = round(100 * row["weight"])
            cells = [html.escape(str(row[key])) for key in ("column", "group")]
            cells += [f"{row['examples']:,}", f"{row['weight']:.2f}"]
            if sure:
                cells.append(interval(row))
            cells.append(
                f'<div style="width:{width}px;height:0.8em;background:#0072b2"></div>'
            )
            cells.append(html.escape(row["advice"]))
            lines.append("".join(f"<td>{cell}</td>" for cell in cells))
        names = ["column", "group", "examples", "weight", "", "advice"]
        if sure:
            names.insert(4, "interval")
        head = "".join(f"<th>{name}</th>" for name in names)
        rows = "".join(f"<tr>{line}</tr>" for line in lines)
        doubt = "" if self.doubt is None else f"<p>{html.escape(self.doubt)}</p>"
        return f"<table><tr>{head}</tr>{rows}</table>{doubt}"

    def __repr__(self):
        return str(self)

    def __str__(self):
        names = self.names()
        disagree, sure = (key in self.entries for key in ("disagreement", "high"))
        width = max([5, *map(len, names)])
        head = f"{'group':<{width}}  examples  weight"
        head += f"  {'interval':12}" * sure
        lines = [head + "  disagreement" * disagree + "  advice"]
        for name, row in zip(names, self):
            line = f"{name:<{width}}  {row['examples']:>8}  {row['weight']:>6.2f}"
            if sure:
                line += f"  {interval(row):12}"
            if disagree:
                share = row.get("disagreement")
                line += f"  {'' if share is None else format(share, '.0%'):>12}"
            new = "  (new)" if row.get("new") else ""
            lines.append(f"{line}  {row['advice']}{new}")
        if self.doubt is not None:
            lines.append(self.doubt)
        return "\n".join(lines)


def interval(row):
    """The smallest and the largest weight of a row as a text, or an empty one."""
    return f"{row['low']:.2f} to {row['high']:.2f}" if "high" in row else ""


def advise(entries, doubt=None):
    """Advice on the groups of one column.

    Args:
        entries: arrays as in a `GroupTable`: `"weight"`, and those of `"seen"`,
            `"only_class"`, `"low"` and `"high"` that apply.
        doubt: see `Commentary.doubt`.

    Returns:
        An array of texts `(groups,)`: `"trust"`, `"look at"` or `"drop"`, by the weight
        relative to the largest. With intervals, `"trust"` or `"drop"` if the whole
        interval lies on one side of half of the largest weight, else `"cannot tell"`.
        If weights do not rank the groups: `"unknown"`, if there is a doubt;
        `"not seen"`, if learning read no example; `"class weight"`, if each group is
        one class, so that its weight only balances the classes; `"no difference"`, if
        all weights are alike.
    """
    weights = entries["weight"]
    unseen = entries.get("seen", np.ones(len(weights))) == 0
    seen = weights[~unseen]
    largest = seen.max(initial=0)
    found = np.full(len(weights), "drop", object)
    if doubt is not None:
        found[:] = "unknown"
        return found
    classes = set(entries.get("only_class", [None]))
    if len(classes) > 1 and None not in classes:
        found[:] = "class weight"
    elif len(seen) < 2 or seen.min() >= ALIKE * largest:
        found[:] = "no difference"
    else:
        found[weights >= LOOK_AT * largest] = "look at"
        found[weights >= TRUST * largest] = "trust"
        if "high" in entries:
            # NaN for those without an interval.
            low, high = (entries[key].astype(float) for key in ("low", "high"))
            repeated = ~np.isnan(high)
            found[repeated] = "drop"
            found[high >= TRUST * largest] = "cannot tell"
            found[low >= TRUST * largest] = "trust"
    found[unseen] = "not seen"
    return found


def _array(values):
    """Values of an entry as an array of numbers, or of objects such as `None`."""
    if isinstance(values, np.ndarray):
        return values
    values = list(values)
    if {*map(type, values)} <= {int, float}:
        return np.array(values)
    return np.fromiter(values, object, len(values))


def _occurs(values):
    """Whether some row has an entry, or there are no rows."""
    if values.dtype != object or not len(values):
        return True
    return any(value is not None for value in values)
