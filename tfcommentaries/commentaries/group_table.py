"""What a group weighting has learned, as a readable table."""

#: Minimum weights of groups to trust, and to look at, relative to the largest of their
#: column. Over five seeds the first separated the good sources of MNIST from all others
#: (`experiments/sources`).
TRUST, LOOK_AT = 0.5, 0.15


class GroupTable(list):
    """Rows of `GroupWeighting.table`, which print as a text table."""

    def advice(self):
        """What to do with each group.

        Returns:
            A list with `"trust"`, `"look at"` or `"drop"` for each row: by the weight,
            relative to the largest of the same column.
        """
        largest = {}
        for row in self:
            column = row["column"]
            largest[column] = max(row["weight"], largest.get(column, 0))
        shares = (row["weight"] / largest[row["column"]] for row in self)
        return [
            "trust" if share >= TRUST else "look at" if share >= LOOK_AT else "drop"
            for share in shares
        ]

    def trusted(self):
        """The groups to trust, for training on these alone.

        Returns:
            A list of names, largest weights first.
        """
        return [
            row["group"]
            for row, advice in zip(self, self.advice())
            if advice == "trust"
        ]

    def shown(self, most=100):
        """Indices of the rows to show, where there are too many to read.

        Args:
            most: how many; half have the largest weights and half the smallest.
        """
        rest = max(len(self) - most, 0)
        middle = (len(self) - rest) // 2
        return [i for i in range(len(self)) if not middle <= i < middle + rest]

    def __str__(self):
        several = len({row["column"] for row in self}) > 1
        names = [
            f"{row['column']} {row['group']}" if several else str(row["group"])
            for row in self
        ]
        disagree = any("disagreement" in row for row in self)
        width = max([5, *map(len, names)])
        head = f"{'group':<{width}}  examples  weight"
        lines = [head + "  disagreement" * disagree + "  advice"]
        for name, row, advice in zip(names, self, self.advice()):
            line = f"{name:<{width}}  {row['examples']:>8}  {row['weight']:>6.2f}"
            if disagree:
                share = row.get("disagreement")
                line += f"  {'' if share is None else format(share, '.0%'):>12}"
            lines.append(f"{line}  {advice}")
        return "\n".join(lines)
