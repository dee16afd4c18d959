"""A regression, for which there are no rates of agreement."""

import keras
import numpy as np

from experiments import protocol
from experiments.sources.conditions import of_sources, taught
from experiments.sources.learning import learn
from experiments.sources.problems import BATCH, make_data
from tfcommentaries.teaching import Condition, evaluate


def measure_diabetes(setting, seed):
    """A regression, for which there are no rates of agreement."""
    data = make_data(setting, seed)
    weighting = learn(setting, data, seed)
    both = protocol.join(data.train, data.checked)
    steps = protocol.fewer(setting.problem.steps, 20)
    keras.utils.set_random_seed(1000 + seed)
    model = setting.problem.make_student(data.train.x.shape[1:])
    model.fit(*data.checked, batch_size=BATCH, epochs=steps // 2, verbose=0)
    errors = (model.predict(data.train.x, verbose=0) - data.train.y)[:, 0] ** 2
    by_source = {name: errors[data.source == name].mean() for name in data.faults}
    weights = np.array([1 / by_source[name] for name in data.source], "float32")
    weights = np.append(weights, np.full(len(data.checked.y), weights.max()))
    conditions = {
        "plain": data.train,
        "checked added": both,
        "checked only": data.checked,
        "half of the examples, where a student of the checked errs less, checked "
        "added": protocol.join(
            protocol.take(data.train, errors <= np.median(errors)), data.checked
        ),
        "sources weighted by that student's mean squared error, checked added": (
            *both,
            weights / weights.mean(),
        ),
        "half of the sources, where that student errs less, checked added": of_sources(
            data, sorted(by_source, key=by_source.get)[:5]
        ),
        "commentary, checked added": taught(weighting, data)[0],
        "sources that the commentary trusts, checked added": of_sources(
            data, weighting.table().trusted()
        ),
        "good sources, known, checked added": of_sources(data, data.good),
    }

    def test(model, condition):
        error = model.predict(data.test.x, verbose=0) - data.test.y
        return {
            "mean absolute error": np.abs(error).mean(),
            "R squared": 1 - (error**2).mean() / data.test.y.var(),
        }

    compared = evaluate(
        model,
        [
            Condition(
                name,
                data=tuple(examples),
                commentary=weighting if name.startswith("commentary") else None,
            )
            for name, examples in conditions.items()
        ],
        test,
        steps,
        [seed],
        BATCH,
    )
    values = {name: {} for name in conditions}
    for row in compared.rows:
        if row.metric != "training_loss":
            values[row.condition][row.metric] = row.mean
    return {
        "values": values,
        "faults": data.faults,
        "weights": {row["group"]: row["weight"] for row in weighting.table()},
    }
