"""Learning inside one `fit` with the solution of the linear system kept between steps.

Others than its seeds were seen when settings were chosen.
"""

from experiments.sources.conditions import without_examples
from experiments.sources.learning import learn_inside_fit
from experiments.sources.problems import SETTINGS, make_data
from tfcommentaries import ImplicitTraining
from tfcommentaries.hypergradients.solvers import Warm
from tfcommentaries.teaching import trusted

#: Names of the groups, and their settings.
WARM = {
    f"{name}, warm": setting
    for name, setting in SETTINGS.items()
    if name in ("text, 60 checked", "cifar10, 200 checked", "digits, 50 checked")
}
#: Nothing was chosen by seeds from here on.
FIRST_SEED = 400
#: First steps of the solver; the first was chosen on MNIST, `benchmarks.data_cleaning`.
STEPS = 1.0, 10.0
#: Faults of sources that are worth nothing.
USELESS = "random labels", "labels moved by one"


def measure_warm(setting, seed):
    """The defaults of learning inside `fit`, the solver, and the rule by rate."""
    seed += FIRST_SEED
    data = make_data(setting, seed)
    ways = {"the model of one fit": None} | {
        f"the model of one fit, warm, step {step:g}": ImplicitTraining(
            solver=Warm(step), products="finite_difference"
        )
        for step in STEPS
    }
    values = {}
    for name, training in ways.items():
        weighting, model = learn_inside_fit(setting, data, seed, training)
        table = weighting.table()
        weights = {row["group"]: row["weight"] for row in table}
        good = [weights[name] for name in data.good]
        useless = [weights[n] for n, fault in data.faults.items() if fault in USELESS]
        values[name] = {
            "accuracy": model.evaluate(*data.test, batch_size=500, verbose=0)[1],
            "exactly the good sources": _exactly(table.trusted(), data),
            "largest useless weight over the best good": max(useless) / max(good),
            "least good weight over the best good": min(good) / max(good),
        }
    _, rates = without_examples(setting, data, seed, crossed=False)
    values["sources of 0.8 of the best rate"] = {
        "exactly the good sources": _exactly(trusted(rates, 0.8), data)
    }
    return {"values": values}


def _exactly(names, data):
    return float({*names} == {*data.good})
