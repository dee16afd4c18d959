"""The weights of a group weighting as a readable table."""

import html
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tfcommentaries.commentaries.group_counts import only_classes
from tfcommentaries.typing import Config

if TYPE_CHECKING:
    import pandas

#: Minimum weights of groups to trust, and to look at, relative to the largest of their
#: column. Over five seeds the first separated the good sources of MNIST from all others
#: (`experiments/sources`).
TRUST, LOOK_AT = 0.5, 0.15
#: Groups whose weights all reach this share of the largest do not differ.
ALIKE = 0.8


def column_rows(column, groups, weights, observed, intervals, new, disagreement):
    """Makes the rows of a table for the groups of one column.

    Args:
        column: its name.
        groups: its `GroupNames`.
        weights: in (0, 1), `(groups, classes, points of training)`.
        observed: from `label_sums`, `(groups, 3)`; zeros if that is not known.
        intervals: the smallest and the largest weight of each, `(groups, 2)`; zeros if
            these are not known.
        new: groups that the commentary from which learning started had not.
        disagreement: dict from a group to the share of labels that a student disagrees
            with.

    Returns:
        A list of dicts, as in a `GroupTable`, without advice.
    """
    # Once for all groups, of which there may be very many.
    _, classes, points = weights.shape
    last = weights[:, :, -1].mean(1).tolist()
    rows = [
        {"column": column, "group": group, "examples": count, "weight": weight}
        for group, count, weight in zip(groups.names, groups.counts, last, strict=True)
    ]
    if intervals.any():
        for row, (low, high) in zip(rows, intervals.tolist()):
            if high:
                # Rounding must not put the mean outside.
                weight = row["weight"]
                row |= {"low": min(low, weight), "high": max(high, weight)}
    if disagreement:
        for row in rows:
            if row["group"] in disagreement:
                row["disagreement"] = float(disagreement[row["group"]])
    if classes > 1:
        _add(rows, "weight_by_class", weights[:, :, -1].tolist())
    if points > 1:
        _add(rows, "weight_over_training", weights.mean(1).tolist())
    if observed.any():
        _add(rows, "seen", observed[:, 0].astype(int).tolist())
    if new:
        new = set(new)
        for row in rows:
            if row["group"] in new:
                row["new"] = True
    for row, one_class in zip(rows, only_classes(observed)):
        if one_class is not None:
            row["only_class"] = one_class
    return rows


def _add(rows, name, values):
    for row, value in zip(rows, values):
        row[name] = value


def advise(rows, doubt=None):
    """Adds advice on its group to each row, as `"advice"`.

    Args:
        rows: of `GroupWeighting.table`, those of one column.
        doubt: see `Commentary.doubt`.

    `"trust"`, `"look at"` or `"drop"`, by the weight relative to the largest. With
    intervals, `"trust"` or `"drop"` if the whole interval lies on one side of half of
    the largest weight, else `"cannot tell"`. If weights do not rank the groups:
    `"unknown"`, if there is a doubt; `"not seen"`, if learning read no example;
    `"class weight"`, if each group is one class, so that its weight only balances the
    classes; `"no difference"`, if all weights are alike.
    """
    seen = [row["weight"] for row in rows if row.get("seen") != 0]
    largest = max(seen, default=0)
    alike = len(seen) < 2 or min(seen) >= ALIKE * largest
    classes = {row.get("only_class") for row in rows}
    for_all = None
    if doubt is not None:
        for_all = "unknown"
    elif len(classes) > 1 and None not in classes:
        for_all = "class weight"
    elif alike:
        for_all = "no difference"
    trust, look_at = TRUST * largest, LOOK_AT * largest
    for row in rows:
        if row.get("seen") == 0 and doubt is None:
            advice = "not seen"
        elif for_all is not None:
            advice = for_all
        elif "high" in row:
            low, high = row["low"] >= trust, row["high"] >= trust
            advice = "trust" if low else "cannot tell" if high else "drop"
        elif row["weight"] >= trust:
            advice = "trust"
        else:
            advice = "look at" if row["weight"] >= look_at else "drop"
        row["advice"] = advice


def interval(row):
    """The smallest and the largest weight of a row as a text, or an empty one."""
    return f"{row['low']:.2f} to {row['high']:.2f}" if "high" in row else ""


class GroupTable(list):
    """Rows of `GroupWeighting.table`, which print as a text table.

    A list of dicts `{"column", "group", "examples", "weight", "advice"}` and, if they
    apply, `"disagreement"`, `"weight_by_class"` (a list), `"weight_over_training"` (a
    list, from start to end), `"seen"` (how many examples learning read, repeats
    included), `"only_class"` (the class of all of these), `"low"` and `"high"` (the
    smallest and the largest weight, after `CommentaryLearner(repeats=...)`) and `"new"`
    (`True` if learning started from a commentary without this group).

    Args:
        rows: list of such dicts.
        doubt: see `Commentary.doubt`; printed below the table.
    """

    def __init__(self, rows: Iterable[Config], doubt: str | None = None) -> None:
        super().__init__(rows)
        self.doubt = doubt

    def advice(self) -> list[str]:
        """Advice on each group, a list of texts; see `advise`."""
        return [row["advice"] for row in self]

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
        rows = self if column is None else [r for r in self if r["column"] == column]
        keep = {"trust", "no difference", "class weight"}
        if not any(row["advice"] == "cannot tell" for row in rows):
            return [row["group"] for row in rows if row["advice"] in keep]
        largest: dict[str, float] = {}
        for row in rows:
            if row["advice"] in ("trust", "cannot tell"):
                most = max(row["weight"], largest.get(row["column"], 0))
                largest[row["column"]] = most

        def kept(row):
            if row["advice"] == "cannot tell":
                return row["weight"] >= TRUST * largest[row["column"]]
            return row["advice"] in keep

        return [row["group"] for row in rows if kept(row)]

    def ends(self, most: int) -> tuple[list[Config], list[Config]]:
        """The first and the last rows, `most` in all.

        Returns:
            `(first, last)`, lists of rows; `first` has all rows if there are no more.
        """
        if len(self) <= most:
            return list(self), []
        return self[: most // 2], self[-(most // 2) :]

    def to_pandas(self) -> "pandas.DataFrame":
        """The rows as a `pandas.DataFrame`, the advice among their columns."""
        # Only this needs it.
        import pandas

        return pandas.DataFrame(list(self))

    def _repr_html_(self):
        """A table with bars, for notebooks."""
        lines, sure = [], any("high" in row for row in self)
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
        several = len({row["column"] for row in self}) > 1
        names = [
            f"{row['column']} {row['group']}" if several else str(row["group"])
            for row in self
        ]
        disagree = any("disagreement" in row for row in self)
        sure = any("high" in row for row in self)
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
