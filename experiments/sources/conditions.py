"""What students are trained on: learned weights, and rules that need no learning."""

import numpy as np
from sklearn.model_selection import StratifiedKFold

from experiments import protocol, student_training
from experiments.sources.problems import BATCH
from tfcommentaries.teaching import agreeing, agreement_rates, trusted


def accuracies(setting, conditions, data, seed):
    """Test accuracies of new students at the end of training, by condition."""
    return student_training.accuracies(
        setting.problem.network,
        conditions,
        data.test,
        (protocol.fewer(setting.problem.steps, 20),),
        1000 + seed,
        batch_size=BATCH,
        optimizer=setting.problem.optimizer,
    )


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


def without_examples(setting, data, seed, crossed=True):
    """Conditions that look at single examples, and rates of agreement by source."""
    steps = protocol.fewer(setting.problem.steps, 5)
    shape = data.train.x.shape[1:]

    def agree(clean, examples):
        return agreeing(
            lambda: setting.problem.make_student(shape),
            clean,
            examples,
            steps,
            BATCH,
            2000 + seed,
        )

    kept = agree(data.checked, data.train)
    filters = {"a student of the checked": kept}
    if setting.whole and crossed:
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
    steps = protocol.fewer(setting.problem.steps, 5)
    found = student_training.accuracies(
        setting.problem.network,
        conditions,
        data.checked,
        (steps,),
        3000 + seed,
        batch_size=BATCH,
        optimizer=setting.problem.optimizer,
    )
    found = {name: one[f"accuracy, step {steps}"] for name, one in found.items()}
    return [name for name in names if found[name] <= found["all"]] or names
