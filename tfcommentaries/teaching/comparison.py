"""Scores of new students under several conditions, and a verdict."""

import dataclasses
import functools
import textwrap
from typing import Any, NamedTuple

import numpy as np

from tfcommentaries.teaching.conditions import Condition
from tfcommentaries.teaching.scores import Gain, Row, less_is_better

#: The most telling metrics, the best first; Keras's names.
_TELLING = "auc", "accuracy", "mae"


class Verdict(NamedTuple):
    """The result of a comparison.

    Attributes:
        answer: whether the commentary helps: `"yes"` if it beats every baseline, `"no"`
            if it does not beat plain training, `"better than plain"` if it beats that
            but not every baseline, or `"unknown"` if each condition has one student.
        text: a sentence or two.
        recommended: the `Condition` to train with, or `None`.
    """

    answer: str
    text: str
    recommended: Condition | None


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Scores of new students under several conditions; see `evaluate`.

    Attributes:
        conditions: `Condition`s, in the order of tables and pictures.
        rows: `Row`s of each condition, step and metric.

    Raises:
        ValueError: if conditions have the same name, or their rows do not match.
    """

    conditions: tuple[Condition, ...]
    rows: tuple[Row, ...]

    def __post_init__(self):
        names = [condition.name for condition in self.conditions]
        if len(set(names)) < len(names):
            raise ValueError(f"Conditions must have different names. Received: {names}")
        measured = {(row.step, row.metric) for row in self.rows}
        whole = len(measured) * len(names) == len(self._found) == len(self.rows)
        if not whole or {row.condition for row in self.rows} != set(names):
            raise ValueError(
                f"There must be one row for each of the conditions {names}, each step "
                f"and each metric. Received: {len(self.rows)} rows"
            )
        if len({len(row.values) for row in self.rows}) != 1:
            raise ValueError("All rows must have values of as many students.")

    def __repr__(self):
        names = ", ".join(condition.name for condition in self.conditions)
        return (
            f"<Comparison of {names}: {self.students} students each, "
            f"{self.steps[-1]} steps>"
        )

    @functools.cached_property
    def _found(self):
        return {(row.condition, row.step, row.metric): row for row in self.rows}

    @property
    def metric(self) -> str:
        """The metric of the verdict: AUC, accuracy, mean absolute error, or loss."""
        measured = {row.metric for row in self.rows}
        return next((name for name in _TELLING if name in measured), "loss")

    @property
    def steps(self) -> list[int]:
        """Training steps after which students were tested, ascending."""
        return sorted({row.step for row in self.rows})

    @property
    def students(self) -> int:
        """Number of students of each condition."""
        return len(self.rows[0].values)

    def with_role(self, *roles: str) -> list[Condition]:
        """The conditions with one of these roles."""
        return [one for one in self.conditions if one.role in roles]

    def score(
        self,
        condition: Condition | str,
        step: int | None = None,
        metric: str | None = None,
    ) -> Row:
        """The score of the students of a condition.

        Args:
            condition: a `Condition` or its name.
            step: training step; `None` is the last.
            metric: name of a metric; `None` takes `Comparison.metric`.

        Returns:
            A `Row`.

        Raises:
            ValueError: if there is no such score.
        """
        name = getattr(condition, "name", condition)
        key = name, self.steps[-1] if step is None else step, metric or self.metric
        if key not in self._found:
            raise ValueError(
                "Nothing was measured for {!r} at step {} in {!r}. ".format(*key)
                + f"Conditions: {[one.name for one in self.conditions]!s:.200}; steps: "
                f"{self.steps!s:.80}"
            )
        return self._found[key]

    def gain(
        self,
        condition: Condition | str,
        over: Condition | str,
        step: int | None = None,
        metric: str | None = None,
    ) -> Gain:
        """How much better one condition is than another.

        Args:
            condition: as for `score`.
            over: the condition to compare with, as for `score`.
            step: as for `score`.
            metric: as for `score`.
        """
        one, other = (self.score(c, step, metric) for c in (condition, over))
        differences = np.subtract(one.values, other.values)
        if less_is_better(one.metric):
            differences = -differences
        error = float("nan")
        if len(differences) > 1:
            error = differences.std(ddof=1) / np.sqrt(len(differences))
        return Gain(float(differences.mean()), float(error), one.metric)

    def beaten(self, condition: Condition | str) -> list[Condition]:
        """Plain training and baselines that a condition beats by more than chance.

        Args:
            condition: as for `score`.
        """
        others = self.with_role("plain", "baseline")
        return [other for other in others if self.gain(condition, other).certain]

    @property
    def best(self) -> Condition:
        """The use of the commentary that beats most baselines, then gains most.

        Raises:
            ValueError: if none of the conditions is `"ours"`, or not one `"plain"`.
        """
        ours, plain = self.with_role("ours"), self.with_role("plain")
        if not ours or len(plain) != 1:
            raise ValueError(
                "To measure a gain, give one condition with role 'plain' and one or "
                "more with role 'ours'. Received: "
                + ", ".join(f"{c.name!r} is {c.role!r}" for c in self.conditions)[:250]
            )

        def order(condition):
            beaten = self.beaten(condition)
            every = len(beaten) == len(self.with_role("plain", "baseline"))
            gain = self.gain(condition, plain[0]).mean
            return every, plain[0] in beaten, gain

        return max(ours, key=order)

    def verdict(self) -> Verdict:
        """Decides whether to use the commentary, and how.

        The commentary must beat every baseline at the last step by more than chance: by
        two standard errors of the differences between paired students. Any use of the
        commentary may do so.

        Raises:
            ValueError: as for `best`.
        """
        best, (plain,) = self.best, self.with_role("plain")
        gain = self.gain(best, plain)
        over_plain = f"{gain} {gain.unit}"
        if self.students == 1:
            return Verdict(
                "unknown",
                f"Not known: one student each cannot show a gain beyond chance "
                f"({over_plain} over {plain.name} with {best.name}). Train several.",
                None,
            )
        beaten = self.beaten(best)
        if plain not in beaten:
            much = "worse than" if (-gain).certain else "no better than"
            return Verdict(
                "no",
                f"No. With {best.name}, new students do {much} with {plain.name} "
                f"({over_plain}). Do not use this commentary.",
                None,
            )
        others = self.with_role("baseline")
        if not others:
            text = f"Yes. {over_plain} over {plain.name}. Nothing else was compared."
            return Verdict("yes", text, best)
        rivals = [other for other in others if other not in beaten] or others
        rival = min(rivals, key=lambda other: self.gain(best, other).mean)
        gain = self.gain(best, rival)
        if rival in beaten:
            return Verdict(
                "yes",
                f"Yes. With {best.name}, new students do better than with every "
                f"alternative: {gain} {gain.unit} over the best of these, "
                f"{rival.name}, and {over_plain} over {plain.name}.",
                best,
            )
        does = f"as well ({gain} {gain.unit})"
        if (-gain).certain:
            does = f"better (by {str(-gain)[1:]} {gain.unit})"
        return Verdict(
            "better than plain",
            f"Better than {plain.name} ({over_plain}, with {best.name}). A simpler "
            f"way, {rival.name}, does {does}.",
            rival,
        )

    def spaced_steps(self, number: int) -> list[int]:
        """So many of the steps, evenly spaced, the last among them."""
        places = np.linspace(len(self.steps) - 1, 0, min(number, len(self.steps)))
        return [self.steps[place] for place in np.ceil(places[::-1]).astype(int)]

    def table(self, columns: int = 80) -> str:
        """Scores, gains, explanations of the conditions, and the verdict as text.

        Args:
            columns: characters per line; the table leaves out steps that do not fit.
        """
        width = max(len(condition.name) for condition in self.conditions) + 6
        cells = [str(self.score(one)) for one in self.conditions]
        cell = max(map(len, cells)) + 1
        steps = self.spaced_steps(min(4, max(1, (columns - width) // cell)))

        def line(name, cells):
            return f"{name:<{width}}" + "".join(f"{one!s:>{cell}}" for one in cells)

        def wrapped(text, indent):
            return textwrap.fill(
                text, columns, subsequent_indent=indent, break_long_words=False
            )

        lines = [
            f"Test {self.metric}: mean ± std over {self.students} new students",
            line("training step", steps),
        ]
        for one in self.conditions:
            lines.append(line(one.name, (self.score(one, step) for step in steps)))
        unit = self.gain(self.best, self.best).unit
        head = f"Gain of {self.best.name} ({unit}), students paired: ± standard error"
        lines += ["", wrapped(head, "")]
        for other in self.with_role("plain", "baseline"):
            gains = (self.gain(self.best, other, step) for step in steps)
            lines.append(line(f"over {other.name}", gains))
        lines.append("\nWhat new students train on:")
        lines += [
            wrapped(f"  {one.name}: {one.explanation}", " " * 4)
            for one in self.conditions
        ]
        return "\n".join([*lines, "", wrapped(self.verdict().text, "")])

    def get_config(self) -> dict[str, Any]:
        """A dict that JSON can hold, without data and commentaries."""
        conditions = [
            {"name": c.name, "explanation": c.explanation, "role": c.role}
            for c in self.conditions
        ]
        rows = [
            {**row._asdict(), "values": list(row.values), "mean": row.mean}
            for row in self.rows
        ]
        return {"conditions": conditions, "rows": rows}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Comparison":
        """The opposite of `get_config`.

        Raises:
            ValueError: if the dict is of another form.
        """
        try:
            conditions = tuple(
                Condition(str(one["name"]), str(one["explanation"]), one["role"])
                for one in config["conditions"]
            )
            rows = tuple(
                Row(
                    str(row["condition"]),
                    int(row["step"]),
                    str(row["metric"]),
                    tuple(map(float, row["values"])),
                )
                for row in config["rows"]
            )
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError(
                "A comparison must have `conditions` and `rows` as `evaluate` gives "
                f"them. What failed: {type(error).__name__}: {error!s:.150}"
            ) from error
        return cls(conditions, rows)
