"""Draws `docs/sources.png` from `results.json`: digits, 50 checked examples.

python -m experiments.sources.picture
"""

import json
import pathlib

from matplotlib.figure import Figure

HERE = pathlib.Path(__file__).parent
GROUP = "digits, 50 checked, started"
BLUE, GREEN, GREY = "#0072b2", "#009e73", "#999999"
#: What is shown, best first: a condition of the results, what to call it, a colour.
SHOWN = (
    ("sources trusted, started", "the sources that learning trusts", BLUE),
    ("sources of 0.8 of the best rate", "simple rule, 80 % of the best", GREEN),
    ("weights, started", "all sources, with the learned weights", BLUE),
    ("sources of 0.5 of the best rate", "simple rule, 50 % of the best", GREEN),
    ("checked only", "the checked examples alone", GREY),
    ("all", "all data", GREY),
)


def accuracies():
    """Mean and standard deviation of each condition's test accuracy, by its name."""
    return {
        row["condition"].removeprefix(f"{GROUP}: "): (row["mean"], row["std"])
        for row in json.loads((HERE / "results.json").read_text())
        if row["condition"].startswith(f"{GROUP}: ")
        and row["metric"].startswith("accuracy")
    }


def draw():
    """The picture: narrow, so that its texts can be read on a phone."""
    found = accuracies()
    figure = Figure(figsize=(4, 3.4), layout="constrained")
    axes = figure.subplots()
    for place, (condition, name, color) in enumerate(SHOWN):
        mean, std = found[condition]
        axes.barh(place, mean, 0.45, xerr=std, color=color)
        axes.text(0, place - 0.32, name, va="bottom")
        axes.text(0.02, place, f"{mean:.2f}", va="center", color="white")
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), ylim=(len(SHOWN) - 0.6, -0.85), yticks=[])
    axes.set_xlabel("test accuracy of new models")
    axes.spines[["top", "right", "left"]].set_visible(False)
    return figure


if __name__ == "__main__":
    draw().savefig(HERE.parents[1] / "docs" / "sources.png", dpi=130)
