"""Intervals by learning again: is what they call good or bad good or bad?

Its seeds are new: others were seen when the rule was chosen.
"""

import time

import numpy as np

from experiments.sources.conditions import accuracies, of_sources
from experiments.sources.learning import learn_from_start
from experiments.sources.problems import SETTINGS, make_data

#: Names of the groups, and their settings.
REPEATED = {
    f"{name}, repeated": setting
    for name, setting in SETTINGS.items()
    if setting.data in ("digits", "mnist")
}
#: Seeds from here on were used for nothing else.
FIRST_SEED = 300
#: How often all is learned again.
REPEATS = 5
#: What a source is called that is good.
TRUST = "trust", "no difference"
#: Seeds with which students are trained on what is trusted, too.
TESTED = 5


def measure_repeated(setting, seed):
    """How many sources one learning, and several, call good and bad; how many are."""
    number = seed + FIRST_SEED
    data = make_data(setting, number)
    values, kept = {}, {}
    for name, repeats in {"one learning": 0, "with repeats": REPEATS}.items():
        began = time.monotonic()
        weighting = learn_from_start(setting, data, number, repeats=repeats)
        seconds = time.monotonic() - began
        table = weighting.table()
        values[name] = {"seconds": seconds} | _counts(table, data.good)
        kept[f"trusted, {name}"] = table.trusted()
    kept["called trust, with repeats"] = [
        row["group"] for row in table if row["advice"] in TRUST
    ]
    kept["good sources, known"] = data.good
    if seed < TESTED:
        conditions = {
            name: (of_sources(data, sources), None, None)
            for name, sources in kept.items()
        }
        values |= accuracies(setting, conditions, data, number)
    return {"values": values, "table": [dict(row) for row in table]}


def _counts(table, good):
    """How many sources have each advice, and how many of these are good."""
    found = {}
    for meaning, advice in {
        "trust": TRUST,
        "drop": ("drop",),
        "neither": ("look at", "cannot tell", "unknown"),
    }.items():
        names = [row["group"] for row in table if row["advice"] in advice]
        found[meaning] = len(names)
        found[f"{meaning}, good ones"] = int(np.isin(names, good).sum())
    return found
