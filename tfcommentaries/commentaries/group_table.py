"""What a group weighting has learned, to be read."""


class GroupTable(list):
    """Rows of `GroupWeighting.table`; printed, a table of text."""

    def __str__(self):
        several = len({row["column"] for row in self}) > 1
        names = [
            f"{row['column']} {row['group']}" if several else str(row["group"])
            for row in self
        ]
        disagree = any("disagreement" in row for row in self)
        width = max([5, *map(len, names)])
        lines = [f"{'group':<{width}}  examples  weight" + "  disagreement" * disagree]
        for name, row in zip(names, self):
            line = f"{name:<{width}}  {row['examples']:>8}  {row['weight']:>6.2f}"
            if "disagreement" in row:
                line += f"  {row['disagreement']:>12.0%}"
            lines.append(line)
        return "\n".join(lines)
