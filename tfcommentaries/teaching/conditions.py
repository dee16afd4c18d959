"""The ways to train new students that are compared."""

import dataclasses
from typing import Any, Literal, get_args

import keras
import numpy as np

from tfcommentaries.commentaries import Commentary
from tfcommentaries.teaching.agreement import agreement_rates, trusted

Role = Literal["ours", "plain", "baseline", "oracle"]
#: Names by which reports know two of `standard_conditions`.
TRUSTED_SOURCES, CHECKED_ALONE = "the sources it trusts", "checked examples alone"
#: Sources that an explanation names.
_NAMED = 12


@dataclasses.dataclass(frozen=True)
class Condition:
    """One way to train new students.

    Attributes:
        name: a few words that can stand in a sentence; unique in a comparison.
        explanation: a sentence that explains the name.
        role: `"ours"` is a way to use the commentary; `"plain"` trains on the same
            examples without it; `"baseline"` uses the same data in another way;
            `"oracle"` uses information that nobody has in practice, and is not a rival.
        data: `(x, y)` or `(x, y, sample_weight)` arrays to train on, or `None` if the
            condition was read from a file.
        commentary: a `Commentary` to teach with, or `None`.
    """

    name: str
    explanation: str = ""
    role: Role = "baseline"
    data: tuple[Any, ...] | None = dataclasses.field(
        default=None, compare=False, repr=False
    )
    commentary: Commentary | None = dataclasses.field(
        default=None, compare=False, repr=False
    )

    def __post_init__(self):
        if self.role not in get_args(Role):
            raise ValueError(
                f"`role` must be one of {', '.join(get_args(Role))}. Received: "
                f"role={self.role!r:.80}"
            )


def standard_conditions(
    commentary: Commentary,
    train: tuple,
    checked: tuple,
    agrees: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    good: tuple[str, ...] = (),
    crossed: np.ndarray | None = None,
) -> list[Condition]:
    """The uses of a commentary, and baselines to compare them with.

    Baselines use the checked examples in simpler ways, or choose sources by rules that
    need no learning.

    Args:
        commentary: a `Commentary`. If it has a `table` of sources, training on the
            trusted ones is the second use, and checked examples weigh as much as those
            of the best source.
        train: `(x, y)` arrays of training examples.
        checked: `(x, y)` arrays of examples whose labels are right: the validation
            examples of learning.
        agrees: from `agreeing`; `None` leaves out the rules that need it.
        groups: source of each training example; needed if there is a table.
        good: sources without faults, if they are known.
        crossed: from `cross_agreeing`, for a rule that needs no checked examples;
            `None` leaves it out.

    Returns:
        A list of `Condition`s.
    """
    train, checked = tuple(train), tuple(checked)

    def with_checked(kept=slice(None)):
        return keras.tree.map_structure(
            lambda some, others: np.concatenate([some[kept], others]), train, checked
        )

    def of_sources(name, explanation, sources, role="baseline"):
        data = with_checked(np.isin(groups, sources))
        named = ", ".join(f"{source!s:.80}" for source in sources[:_NAMED])
        named += ", ..." if len(sources) > _NAMED else ""
        text = f"{explanation} ({named or 'none'}), and the checked ones."
        return Condition(name, text, role, data)

    plain = Condition(
        "plain training", "All training examples, as they are.", "plain", train
    )
    if groups is None:
        name, text = "the commentary", "All training examples, taught by it."
        ours = [Condition(name, text, "ours", train, commentary)]
    else:
        table, (x, y) = commentary.table(), with_checked()
        best = np.full(len(checked[1]), table[0]["group"])
        x = commentary.add_groups(x, np.concatenate([groups, best]))
        ours = [
            Condition(
                "the commentary's weights",
                "All training examples, each as its source weighs; the checked weigh "
                "as much as the best source.",
                "ours",
                (x, y),
                commentary,
            )
        ]
        if table.trusted():  # None, where nothing is known of them.
            text = "Only sources with a high weight, all alike"
            ours.append(of_sources(TRUSTED_SOURCES, text, table.trusted(), "ours"))
    others = [
        Condition(
            "checked examples added",
            "All training examples and the checked ones, all alike.",
            data=with_checked(),
        ),
        Condition(CHECKED_ALONE, "Only those whose labels are right.", data=checked),
    ]
    if agrees is not None:
        others.append(
            Condition(
                "a filter",
                "Only training examples whose label a student of the checked ones "
                "predicts as well. The checked are added.",
                data=with_checked(agrees),
            )
        )
    if agrees is not None and groups is not None:
        rates = agreement_rates(agrees, groups)
        others += [
            of_sources(
                f"sources agreeing {share:.0%} as often as the best",
                "Only sources whose labels agree with a student of the checked "
                f"examples at least {share:.0%} as often as those of the best source",
                trusted(rates, share),
            )
            for share in (0.5, 0.8)
        ]
    if crossed is not None and groups is not None:
        others.append(
            of_sources(
                "sources agreeing 80%, nothing checked",
                "Only sources whose labels agree with students of the other half of "
                "the training data at least 80% as often as those of the best source",
                trusted(agreement_rates(crossed, groups), 0.8),
            )
        )
    if good:
        name, text = "the good sources", "Only sources known to have nothing wrong"
        others.append(of_sources(name, text, good, "oracle"))
    return [*ours, plain, *others]
