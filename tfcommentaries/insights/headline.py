"""What a report says first: a title, what to do, and two charts of bars."""

import math

import numpy as np

from tfcommentaries.insights.pictures import short
from tfcommentaries.teaching.conditions import CHECKED_ALONE, TRUSTED_SOURCES
from tfcommentaries.teaching.scores import less_is_better

#: Sources of which each has a bar; of more, the first and the last.
_BARS = 12
#: Names that a sentence holds.
_NAMES = 6
_METRICS = {"auc": "AUC", "mae": "mean absolute error"}


def title_of(table, teaches, facts):
    """A heading with the user's data and numbers.

    Args:
        table: a `GroupTable` or `None`.
        teaches: what the commentary says, in a few words.
        facts: dict that says how it was learned; `dataset` and `group_column` count.
    """
    data = short(facts.get("dataset") or facts.get("data") or "")
    if table:
        columns, entries = table.columns, table.entries
        examples = entries["examples"][entries["column"] == columns[0]].sum()
        by = short(facts.get("group_column") or ", ".join(columns))
        by = "" if by == "group" else f" by {by}"
        sources = f"{len(table):,} source{'s' * (len(table) > 1)}"
        teaches = f"{sources}{by}, {examples:,} training examples"
    return f"{data}: {teaches}" if data else f"{teaches[0].upper()}{teaches[1:]}"


def what_to_do(table, comparison):
    """A sentence that says what to do, and one that says why.

    Args:
        table: as for `title_of`.
        comparison: a `Comparison` or `None`.
    """
    if comparison is None:
        return (
            "Measure what it gains before you rely on it.",
            "Nobody has trained new students with it and without it yet. To do so, run "
            "tfcommentaries evaluate, or call tfcommentaries.teaching.evaluate.",
        )
    best, (plain,) = comparison.best, comparison.with_role("plain")
    verdict = comparison.verdict()
    metric = metric_of(comparison)

    def score(condition):
        return _number(comparison.score(condition))

    against = f"against {score(plain)} with {plain.name}"
    if verdict.answer == "unknown":
        return (
            "Train several new students before you decide.",
            f"One student each cannot tell a gain from chance: {metric} {score(best)} "
            f"with {best.name} {against}.",
        )
    if verdict.answer == "no":
        text = f"Do not use it: {metric} {score(best)} with {best.name} {against}."
        others = comparison.with_role("baseline")
        better = [o for o in others if comparison.gain(o, plain).certain]
        if better:
            rival = max(better, key=lambda o: comparison.gain(o, plain).mean)
            why = f"A simple way does better, {rival.name}: {score(rival)}."
        else:
            why = (
                "Are the checked examples clean, balanced and like what the model "
                "meets later? More outer steps or inner steps may help."
            )
        return text, why
    use, does = to_use(comparison), "no better"
    way = f"Train with {use.name}"
    trusted = table.trusted() if table and use.name == TRUSTED_SOURCES else ()
    if trusted:
        way = f"Train on {listed(trusted)} only"
    text = f"{way}: {metric} {score(use)} {against}."
    if use.role != "ours":
        if comparison.gain(use, best).certain:
            does = "worse"
        return text, (
            f"{use.explanation} This needs no commentary: students do {does} with "
            f"{best.name} ({score(best)})."
        )
    if verdict.recommended.role != "ours":
        rival = verdict.recommended
        return text, (
            f"A simple rule does as well, without a commentary: {rival.name} "
            f"({score(rival)})."
        )
    rival = _best(comparison, comparison.with_role("baseline"))
    why = rival and (
        f"No simpler way does as well. The best of them, {rival.name}, reaches "
        f"{score(rival)}."
    )
    return text, why or "Nothing else was compared."


def metric_of(comparison):
    """What a sentence calls the metric of a comparison."""
    return _METRICS.get(comparison.metric, comparison.metric)


def to_use(comparison):
    """The condition to train with, or `None`.

    What the verdict recommends; but the sources that a commentary trusts, which can be
    named and are already known, where they do as well as a simpler way.
    """
    best, use = comparison.best, comparison.verdict().recommended
    if use is None or comparison.gain(use, best).certain:
        return use
    return best if best.name == TRUSTED_SOURCES else use


def accuracies(comparison):
    """Bars of what students reach at the last step, each with its explanation.

    Args:
        comparison: a `Comparison`.

    Returns:
        A list of dicts, the commentary first: its best use, the best simple way (or
        that to train with), plain training, the checked examples alone.
    """
    use, recommended = to_use(comparison), comparison.verdict().recommended
    others = comparison.with_role("baseline")
    rival = recommended if recommended in others else _best(comparison, others)
    checked = [one for one in others if one.name == CHECKED_ALONE]
    shown = [comparison.best, rival, *comparison.with_role("plain"), *checked]
    shown = [one for one in dict.fromkeys(shown) if one is not None]
    rows = [comparison.score(one) for one in shown]
    largest = max([abs(row.mean) for row in rows if math.isfinite(row.mean)] or [0])
    if not less_is_better(comparison.metric):
        largest = max(largest, 1)
    return [
        {
            "name": one.name,
            "explanation": one.explanation,
            "value": str(row),
            "percent": _percent(row.mean, largest),
            "highlighted": one == use,
        }
        for one, row in zip(shown, rows)
    ]


def source_bars(table):
    """Bars of the weights of sources, with what to do with each.

    Args:
        table: a `GroupTable`.

    Returns:
        A dict: `first` and `last`, lists of rows with `name` and `percent`, `between`,
        the number of sources that are left out, and `histogram`, ten counts or `None`.
    """
    first, last = table.ends(_BARS)
    between = len(table) - len(first) - len(last)
    histogram = None
    if between:
        counts = np.histogram(table.entries["weight"], 10, (0, 1))[0].tolist()
        histogram = [
            {"count": count, "percent": _percent(count, max(counts))}
            for count in counts
        ]
    first, last = (
        [
            {**row, "name": short(name), "percent": _percent(row["weight"], 1)}
            for row, name in zip(part, part.names())
        ]
        for part in (first, last)
    )
    return {"first": first, "last": last, "between": between, "histogram": histogram}


def listed(names, most=_NAMES):
    """Names as part of a sentence: `a, b and c`."""
    names = [short(name) for name in names]
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most:,} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _best(comparison, conditions):
    gain = comparison.gain
    return max(
        conditions, key=lambda one: gain(one, comparison.best).mean, default=None
    )


def _number(row):
    return str(row).partition(" ")[0]


def _percent(value, largest):
    share = value / largest if largest and math.isfinite(value) else 0
    return round(100 * min(1, max(0, share)), 1)
