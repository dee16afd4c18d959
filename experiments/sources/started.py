"""Learning that starts from the checked examples, beside learning as it was before.

Its seeds are new: those of other groups were seen when settings were chosen.
"""

import time

import keras
import numpy as np

from experiments import protocol, student_training
from experiments.sources.conditions import (
    accuracies,
    of_sources,
    taught,
    without_examples,
    without_one,
)
from experiments.sources.learning import learn, learn_from_start
from experiments.sources.problems import BATCH, SETTINGS, make_data
from tfcommentaries.teaching import Condition, evaluate, trusted

#: Names of the groups, and their settings.
STARTED = {f"{name}, started": setting for name, setting in SETTINGS.items()}
#: Seeds from here on were used for nothing else.
FIRST_SEED = 200


def measure_started(setting, seed):
    """Both ways of learning, the rules that need none, and the good sources."""
    seed += FIRST_SEED
    data = make_data(setting, seed)
    values, weightings = {}, {}
    for name, how in {"before": learn, "started": learn_from_start}.items():
        began = time.monotonic()
        weightings[name] = how(setting, data, seed)
        values[f"learning, {name}"] = {"seconds": time.monotonic() - began}
    sources = {
        f"sources trusted, {name}": weighting.trusted()
        for name, weighting in weightings.items()
    }
    if setting.data == "diabetes":
        sources["half of the sources, by error"] = less_error(setting, data, seed)
    else:
        _, rates = without_examples(setting, data, seed, crossed=False)
        for share in (0.5, 0.8):
            sources[f"sources of {share} of the best rate"] = trusted(rates, share)
    if setting.whole:
        sources["sources without which it is worse"] = without_one(setting, data, seed)
    sources["good sources, known"] = data.good
    conditions = {
        "all": (protocol.join(data.train, data.checked), None, None),
        **{f"weights, {name}": taught(w, data) for name, w in weightings.items()},
        **{name: (of_sources(data, s), None, None) for name, s in sources.items()},
    }
    if setting.whole:
        conditions["checked only"] = data.checked, None, None
    values |= _test(setting, data, conditions, seed)
    for name, names in sources.items():
        values[name]["exactly the good sources"] = float({*names} == {*data.good})
    weights = {row["group"]: row["weight"] for row in weightings["started"].table()}
    return {"values": values, "faults": data.faults, "weights": weights}


def less_error(setting, data, seed):
    """Half of the sources: those where a student of the checked errs less."""
    keras.utils.set_random_seed(2000 + seed)
    model = setting.problem.make_student(data.train.x.shape[1:])
    epochs = protocol.fewer(setting.problem.steps, 20) // 2
    model.fit(*data.checked, batch_size=BATCH, epochs=epochs, verbose=0)
    errors = (model.predict(data.train.x, verbose=0) - data.train.y)[:, 0] ** 2
    errors = {name: errors[data.source == name].mean() for name in data.faults}
    return sorted(errors, key=errors.get)[: len(errors) // 2]


def _test(setting, data, conditions, seed):
    """Accuracy, or for numbers the mean absolute error, of new students."""
    if setting.data != "diabetes":
        return accuracies(setting, conditions, data, seed)
    compared = evaluate(
        setting.problem.make_student(data.train.x.shape[1:]),
        [
            Condition(name, data=tuple(examples), commentary=commentary)
            for name, (examples, commentary, _) in conditions.items()
        ],
        lambda model, _: {
            "mean absolute error": np.abs(
                model.predict(data.test.x, verbose=0) - data.test.y
            ).mean()
        },
        protocol.fewer(setting.problem.steps, 20),
        [1000 + seed],
        BATCH,
    )
    return student_training.by_condition(compared)
