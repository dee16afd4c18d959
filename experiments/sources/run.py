"""Which sources of the data to trust? See README.md beside this."""

import time
from typing import NamedTuple

import keras
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_diabetes
from sklearn.model_selection import StratifiedKFold

from experiments import protocol
from experiments.protocol import FLAGS
from tfcommentaries import (
    CommentaryCallback,
    CommentaryLearner,
    GroupWeighting,
    LearnCommentaryCallback,
    datasets,
    export_commentary,
    students,
)
from tfcommentaries.students import FunctionalStudent
from tfcommentaries.teaching import agreeing, agreement_rates, trusted

BATCH = 32
#: Training steps of students, and rate of their Adam.
STEPS = {"mnist": 500, "cifar10": 500, "digits": 300, "diabetes": 300}
RATES = {"mnist": 1e-3, "cifar10": 1e-3, "digits": 3e-3, "diabetes": 3e-3}
#: What is wrong with each of ten sources of diabetes patients.
TARGET_FAULTS = ("nothing",) * 4 + (
    "noise",
    "noise",
    "shuffled",
    "opposite",
    "opposite",
    "moved",
)


class Setting(NamedTuple):
    """How one group is measured.

    Attributes:
        data: name of the data set.
        checked: number of checked examples.
        faults: of the sources.
        sizes: of the sources, relative; `None`: alike.
        whole: whether controls that train many students are measured, too.
        transfer: whether another network is taught, too.
    """

    data: str
    checked: int = 50
    faults: tuple = datasets.FAULTS
    sizes: tuple | None = None
    whole: bool = False
    transfer: bool = False


SETTINGS = {
    "mnist, 50 checked": Setting("mnist", whole=True),
    "cifar10, 200 checked": Setting("cifar10", 200),
    "digits, 50 checked": Setting("digits", whole=True, transfer=True),
    "digits, 20 checked": Setting("digits", 20),
    "digits, 200 checked": Setting("digits", 200),
    "digits, 50 sources": Setting("digits", faults=datasets.FAULTS * 5),
    "digits, sizes 1 to 20": Setting(
        "digits", sizes=tuple(np.geomspace(1, 20, 10)[[3, 6, 0, 9, 1, 7, 4, 8, 2, 5]])
    ),
    "digits, inputs only": Setting("digits", faults=datasets.INPUT_FAULTS),
    "digits, no difference": Setting("digits", faults=("nothing",) * 10),
    "diabetes, 50 checked": Setting("diabetes", faults=TARGET_FAULTS),
}
#: Repetitions of learning inside `fit` for each seed.
INSIDE_FIT = {"mnist, inside fit": 2, "digits, inside fit": 4}


def groups():
    """Names of `SETTINGS` and `INSIDE_FIT` that the data allow."""
    names = [*SETTINGS, *INSIDE_FIT]
    if FLAGS.data_dir:
        return names
    return [name for name in names if name.startswith(("digits", "diabetes"))]


class Data(NamedTuple):
    """Training examples from sources, checked and test examples."""

    train: datasets.Examples
    source: np.ndarray
    faults: dict
    checked: datasets.Examples
    test: datasets.Examples

    @property
    def good(self):
        """The sources with which nothing is wrong."""
        return [name for name, fault in self.faults.items() if fault == "nothing"]


def make_data(setting, seed):
    """`Data` of a setting."""
    if setting.data == "diabetes":
        return make_diabetes(setting, seed)
    if setting.data == "digits":
        splits = datasets.load_digits(setting.checked, seed=seed)
    else:
        splits = datasets.load_tfds(
            setting.data, FLAGS.data_dir, 5000, setting.checked, 5000, seed
        )
    train, source, faults = datasets.spoil_sources(
        splits.train, 10, seed, setting.faults, setting.sizes
    )
    return Data(train, source, faults, splits.validation, splits.test)


def make_diabetes(setting, seed):
    """Patients and how their illness went on, standardised."""
    generator = np.random.default_rng(seed)
    x, y = load_diabetes(return_X_y=True)
    order = generator.permutation(len(y))
    x, y = (x / x.std(0))[order], ((y - y.mean()) / y.std())[order]
    ends = setting.checked, setting.checked + 142
    (checked, test, train) = (
        datasets.Examples(*part)
        for part in zip(
            *(np.split(a.astype("float32")[..., None], ends) for a in (x, y))
        )
    )
    checked, test, train = (e._replace(x=e.x[..., 0]) for e in (checked, test, train))
    number = np.arange(len(train.y)) % len(setting.faults)
    targets = train.y.copy()
    for i, fault in enumerate(setting.faults):
        of = number == i
        if fault == "noise":
            targets[of] += generator.normal(0, 2, (of.sum(), 1))
        elif fault == "shuffled":
            targets[of] = generator.permutation(targets[of])
        elif fault == "opposite":
            targets[of] *= -1
        elif fault == "moved":
            targets[of] += 2
    names = np.array([f"source {i}" for i in range(len(setting.faults))])
    faults = dict(zip(names.tolist(), setting.faults))
    return Data(train._replace(y=targets), names[number], faults, checked, test)


def make_student(data, shape, network=students.cbr):
    """A compiled student for a data set."""
    optimizer = keras.optimizers.Adam(RATES[data])
    if data == "diabetes":
        model = students.mlp(shape, 1, (32,))
        model.compile(optimizer, "mse", metrics=["mae"])
        return model
    return protocol.make_student(network, shape, 10, lambda: optimizer)


def learn(setting, data, seed):
    """A group weighting, learned through whole trainings."""
    weighting = GroupWeighting(data.source)
    learner = CommentaryLearner(
        weighting,
        make_student(setting.data, data.train.x.shape[1:]),
        inner_steps=protocol.fewer(50 if setting.data == "digits" else 100, 5),
        seed=seed,
    )
    learner.compile()
    learner.fit(
        data.train._replace(x=weighting.add_groups(data.train.x, data.source)),
        data.checked,
        batch_size=BATCH,
        epochs=protocol.fewer(4, 2),
        steps_per_epoch=protocol.fewer(10, 2),
        verbose=0,
    )
    return weighting


def learn_inside_fit(setting, data, seed):
    """A group weighting and the model that was taught with it at the same time."""
    keras.utils.set_random_seed(seed)
    model = make_student(setting.data, data.train.x.shape[1:])
    weighting = GroupWeighting(data.source)
    callback = LearnCommentaryCallback(weighting, data.checked)
    fit_inside(setting, model, weighting, data, [callback])
    return weighting, model


def fit_inside(setting, model, weighting, data, callbacks):
    """One `fit`: five epochs, eight of the small digits; its seconds."""
    x = weighting.add_groups(data.train.x, data.source) if callbacks else data.train.x
    epochs = 8 if setting.data == "digits" else 5
    began = time.monotonic()
    model.fit(
        x,
        data.train.y,
        batch_size=BATCH,
        epochs=protocol.fewer(epochs, 1),
        callbacks=callbacks,
        verbose=0,
    )
    return time.monotonic() - began


def weight_relative_to_good(weighting, data, faults):
    """Largest weight of sources with these faults, over the mean of the good ones."""
    weights = {row["group"]: row["weight"] for row in weighting.table()}
    found = [weights[name] for name, fault in data.faults.items() if fault in faults]
    return max(found) / np.mean([weights[name] for name in data.good])


def of_sources(data, names):
    """The training examples of some sources, and the checked ones."""
    kept = np.isin(data.source, names)
    return protocol.join(protocol.take(data.train, kept), data.checked)


def taught(weighting, data):
    """The training examples and the checked ones, which weigh what the best do."""
    best = weighting.table()[0]["group"]
    source = np.append(data.source, [best] * len(data.checked.y))
    both = protocol.join(data.train, data.checked)
    return both._replace(x=weighting.add_groups(both.x, source)), weighting, None


def without_examples(setting, data, seed):
    """Conditions that look at single examples, and rates of agreement by source."""
    steps = protocol.fewer(STEPS[setting.data], 5)
    shape = data.train.x.shape[1:]

    def agree(clean, examples):
        return agreeing(
            lambda: make_student(setting.data, shape),
            clean,
            examples,
            steps,
            BATCH,
            2000 + seed,
        )

    kept = agree(data.checked, data.train)
    filters = {"a student of the checked": kept}
    if setting.whole:
        crossed = np.empty(len(data.train.y), bool)
        folds = StratifiedKFold(protocol.fewer(5, 2), shuffle=True, random_state=seed)
        for seen, unseen in folds.split(data.train.x, data.train.y):
            examples = protocol.join(protocol.take(data.train, seen), data.checked)
            crossed[unseen] = agree(examples, protocol.take(data.train, unseen))
        filters["cross-validated students"] = crossed
    conditions = {
        f"examples kept by {name}, checked added": (
            protocol.join(protocol.take(data.train, kept), data.checked),
            None,
            None,
        )
        for name, kept in filters.items()
    }
    return conditions, agreement_rates(kept, data.source)


def by_rate(data, rates):
    """Conditions that trust sources by their rates of agreement."""
    weights = np.array([rates[name] for name in data.source])
    weights = np.append(weights, np.ones(len(data.checked.y))).astype("float32")
    both = protocol.join(data.train, data.checked)
    weighted = both, None, weights / weights.mean()
    return {"sources weighted by rate, checked added": weighted} | {
        f"sources of {share} of the best rate, checked added": (
            of_sources(data, trusted(rates, share)),
            None,
            None,
        )
        for share in (0.5, 0.8)
    }


def without_one(setting, data, seed):
    """The sources without which students do worse on the checked examples."""
    names = list(data.faults)[: protocol.fewer(None, 2)]
    without = {
        name: (protocol.take(data.train, data.source != name), None, None)
        for name in names
    }
    conditions = {"all": (data.train, None, None), **without}
    steps = protocol.fewer(STEPS[setting.data], 5)
    found = protocol.accuracies(
        students.cbr,
        conditions,
        data.checked,
        (steps,),
        3000 + seed,
        batch_size=BATCH,
        optimizer=lambda: keras.optimizers.Adam(RATES[setting.data]),
    )
    found = {name: one[f"accuracy, step {steps}"] for name, one in found.items()}
    return [name for name in names if found[name] <= found["all"]] or names


def measure(group, seed, folder):
    """One group of conditions with one seed."""
    if group in INSIDE_FIT:
        return measure_inside_fit(group, seed)
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
    networks = {"": students.cbr}
    if setting.transfer:
        networks[" (transfer: few-shot net)"] = students.few_shot_net
    values = {}
    last = STEPS[setting.data]
    for suffix, network in networks.items():
        for name, found in protocol.accuracies(
            network,
            conditions,
            data.test,
            protocol.fewer((last // 5, last), (5, 20)),
            1000 + seed,
            batch_size=BATCH,
            optimizer=lambda: keras.optimizers.Adam(RATES[setting.data]),
        ).items():
            values[name + suffix] = found
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
        plain = make_student(setting.data, data.train.x.shape[1:])
        seconds = fit_inside(setting, plain, None, data, [])
        keras.utils.set_random_seed(number)
        model = make_student(setting.data, data.train.x.shape[1:])
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


def measure_diabetes(setting, seed):
    """A regression, for which there are no rates of agreement."""
    data = make_data(setting, seed)
    weighting = learn(setting, data, seed)
    both = protocol.join(data.train, data.checked)
    steps = protocol.fewer(STEPS[setting.data], 20)
    model = make_student(setting.data, data.train.x.shape[1:])
    student = FunctionalStudent(model)
    student.build(data.train.x[:2], data.train.y[:2])
    student.assign(student.draw(f"test-{seed}"))
    restart = protocol.restarting(model)

    def train(examples, commentary=None, sample_weight=None):
        restart()
        keras.utils.set_random_seed(1000 + seed)
        callbacks = [] if commentary is None else [CommentaryCallback(commentary)]
        model.fit(
            *examples,
            sample_weight=sample_weight,
            batch_size=BATCH,
            epochs=-(-steps * BATCH // len(examples.y)),
            callbacks=callbacks,
            verbose=0,
        )
        return model.predict(data.test.x, verbose=0)

    restart()
    model.fit(*data.checked, batch_size=BATCH, epochs=steps // 2, verbose=0)
    errors = (model.predict(data.train.x, verbose=0) - data.train.y)[:, 0] ** 2
    by_source = {name: errors[data.source == name].mean() for name in data.faults}
    weights = np.array([1 / by_source[name] for name in data.source], "float32")
    weights = np.append(weights, np.full(len(data.checked.y), weights.max()))
    conditions = {
        "plain": (data.train,),
        "checked added": (both,),
        "checked only": (data.checked,),
        "half of the examples, where a student of the checked errs less, checked "
        "added": (
            protocol.join(
                protocol.take(data.train, errors <= np.median(errors)), data.checked
            ),
        ),
        "sources weighted by that student's mean squared error, checked added": (
            both,
            None,
            weights / weights.mean(),
        ),
        "half of the sources, where that student errs less, checked added": (
            of_sources(data, sorted(by_source, key=by_source.get)[:5]),
        ),
        "commentary, checked added": taught(weighting, data)[:2],
        "sources that the commentary trusts, checked added": (
            of_sources(data, weighting.table().trusted()),
        ),
        "good sources, known, checked added": (of_sources(data, data.good),),
    }
    values = {}
    for name, condition in conditions.items():
        error = train(*condition) - data.test.y
        values[name] = {
            "mean absolute error": np.abs(error).mean(),
            "R squared": 1 - (error**2).mean() / data.test.y.var(),
        }
    return {
        "values": values,
        "faults": data.faults,
        "weights": {row["group"]: row["weight"] for row in weighting.table()},
    }


def draw(records, run_dir):
    """Mean weight of the sources of each fault, by group."""
    shown = {name: ones for name, ones in records.items() if "weights" in ones[0]}
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
