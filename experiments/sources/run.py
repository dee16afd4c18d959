"""Which sources of the data to trust? See README.md beside this."""

import keras
import numpy as np
from matplotlib.figure import Figure

from experiments import protocol, student_training
from experiments.protocol import FLAGS
from experiments.sources.conditions import (
    by_rate,
    of_sources,
    taught,
    without_examples,
    without_one,
)
from experiments.sources.learning import fit_inside, learn, learn_inside_fit
from experiments.sources.problems import BATCH, SETTINGS, Setting, make_data
from experiments.sources.regression import measure_diabetes
from experiments.sources.repeated import REPEATED, measure_repeated
from experiments.sources.several import SEVERAL, measure_several
from experiments.sources.started import STARTED, measure_started
from experiments.sources.warm import WARM, measure_warm
from tfcommentaries import (
    GroupWeighting,
    LearnCommentaryCallback,
    export_commentary,
    students,
)
from tfcommentaries.teaching import trusted

#: Repetitions of learning inside `fit` for each seed.
INSIDE_FIT = {"mnist, inside fit": 2, "digits, inside fit": 4}
#: Groups that are measured in a way of their own, and their settings.
OWN = {
    name: (how, setting)
    for how, settings in (
        (measure_started, STARTED),
        (measure_repeated, REPEATED),
        (measure_several, SEVERAL),
        (measure_warm, WARM),
    )
    for name, setting in settings.items()
}


def groups():
    """Names of all groups that the data allow."""
    names = [*SETTINGS, *INSIDE_FIT, *OWN]
    if FLAGS.data_dir:
        return names
    return [name for name in names if "mnist" not in name and "cifar10" not in name]


def weight_relative_to_good(weighting, data, faults):
    """Largest weight of sources with these faults, over the mean of the good ones."""
    weights = {row["group"]: row["weight"] for row in weighting.table()}
    found = [weights[name] for name, fault in data.faults.items() if fault in faults]
    return max(found) / np.mean([weights[name] for name in data.good])


def measure(group, seed, folder):
    """One group of conditions with one seed."""
    if group in INSIDE_FIT:
        return measure_inside_fit(group, seed)
    if group in OWN:
        how, setting = OWN[group]
        return how(setting, seed)
    setting = SETTINGS[group]
    if setting.data == "diabetes":
        return measure_diabetes(setting, seed)
    data = make_data(setting, seed)
    weighting = learn(setting, data, seed)
    export_commentary(weighting, folder / "weighting")
    inside, model = learn_inside_fit(setting, data, seed)
    both = protocol.join(data.train, data.checked)
    filtered, rates = without_examples(setting, data, seed)
    conditions = {
        "plain": (data.train, None, None),
        "checked added": (both, None, None),
        "checked only": (data.checked, None, None),
        **filtered,
        **by_rate(data, rates),
        "commentary, checked added": taught(weighting, data),
        "sources that the commentary trusts, checked added": (
            of_sources(data, weighting.table().trusted()),
            None,
            None,
        ),
        "commentary of one fit, checked added": taught(inside, data),
        "sources that the commentary of one fit trusts, checked added": (
            of_sources(data, inside.table().trusted()),
            None,
            None,
        ),
        "good sources, known, checked added": (
            of_sources(data, data.good),
            None,
            None,
        ),
    }
    if setting.whole:
        kept = without_one(setting, data, seed)
        name = "sources without which it is worse, checked added"
        conditions[name] = of_sources(data, kept), None, None
    networks = {"": setting.problem.network}
    if setting.transfer:
        networks[" (transfer: few-shot net)"] = students.few_shot_net
    values = {}
    last = setting.problem.steps
    for suffix, network in protocol.first(networks):
        for name, found in student_training.accuracies(
            network,
            conditions,
            data.test,
            protocol.fewer((last // 5, last), (5, 20)),
            1000 + seed,
            batch_size=BATCH,
            optimizer=setting.problem.optimizer,
        ).items():
            values[name + suffix] = found
    for name, sources in {
        "sources that the commentary trusts": weighting.table().trusted(),
        "sources that the commentary of one fit trusts": inside.table().trusted(),
        "sources of 0.5 of the best rate": trusted(rates, 0.5),
        "sources of 0.8 of the best rate": trusted(rates, 0.8),
    }.items():
        found = values[f"{name}, checked added"]
        found["exactly the good sources"] = float(set(sources) == set(data.good))
    accuracy = model.evaluate(*data.test, batch_size=500, verbose=0)[1]
    values["the model of one fit"] = {"accuracy": accuracy}
    return {
        "values": values,
        "faults": data.faults,
        "weights": {row["group"]: row["weight"] for row in weighting.table()},
        "weights inside fit": {row["group"]: row["weight"] for row in inside.table()},
        "rates": rates,
    }


def measure_inside_fit(group, seed):
    """Learning inside `fit` several times: does it always tell the sources apart?"""
    setting = Setting(group.split(", ")[0])
    repeats = protocol.fewer(INSIDE_FIT[group], 1)
    found = {}
    for number in range(100 + repeats * seed, 100 + repeats * (seed + 1)):
        data = make_data(setting, number)
        keras.utils.set_random_seed(number)
        plain = setting.problem.make_student(data.train.x.shape[1:])
        seconds = fit_inside(setting, plain, None, data, [])
        keras.utils.set_random_seed(number)
        model = setting.problem.make_student(data.train.x.shape[1:])
        weighting = GroupWeighting(data.source)
        callback = LearnCommentaryCallback(weighting, data.checked)
        ratio = fit_inside(setting, model, weighting, data, [callback]) / seconds
        one = {
            "accuracy": model.evaluate(*data.test, batch_size=500, verbose=0)[1],
            "accuracy of plain training": plain.evaluate(
                *data.test, batch_size=500, verbose=0
            )[1],
            "worst random or moved source, weight relative to the good": (
                weight_relative_to_good(
                    weighting, data, ("random labels", "labels moved by one")
                )
            ),
            "time relative to plain training": ratio,
        }
        for metric, value in one.items():
            found.setdefault(metric, []).append(value)
    values = {metric: np.mean(ones) for metric, ones in found.items()}
    worst = "worst random or moved source, weight relative to the good"
    values["accuracy, the least"] = min(found["accuracy"])
    values[f"{worst}, the most"] = max(found[worst])
    return {"values": {"inside fit": values}}


def draw(records, run_dir):
    """Mean weight of the sources of each fault, by group."""
    shown = {name: ones for name, ones in records.items() if name in SETTINGS}
    figure = Figure(figsize=(9, 2.2 * -(-len(shown) // 2)), layout="constrained")
    for axes, (name, ones) in zip(
        figure.subplots(-(-len(shown) // 2), 2, squeeze=False).flat, shown.items()
    ):
        found = {}
        for one in ones:
            for source, weight in one["weights"].items():
                found.setdefault(one["faults"][source], []).append(weight)
        found = dict(sorted(found.items(), key=lambda item: np.mean(item[1])))
        axes.barh(
            list(found),
            [np.mean(weights) for weights in found.values()],
            xerr=[np.std(weights) for weights in found.values()],
            color=["#0072b2" if fault == "nothing" else "#d55e00" for fault in found],
        )
        axes.set_title(name, fontsize="medium")
        axes.tick_params(labelsize="small")
        axes.set_xlim(0, 1)
        axes.spines[["top", "right"]].set_visible(False)
    return {"weights.png": figure}


if __name__ == "__main__":
    protocol.run(__file__, groups, measure, draw)
