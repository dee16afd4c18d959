"""`tfcommentaries evaluate`."""

import itertools

import numpy as np
from matplotlib.figure import Figure

from tfcommentaries import SavedCommentary, insights
from tfcommentaries.cli.arguments import overrides
from tfcommentaries.cli.progress import ProgressLine
from tfcommentaries.cli.run_folder import RunFolder
from tfcommentaries.cli.student import check_given
from tfcommentaries.commentaries import ConstantWeighting
from tfcommentaries.datasets import Examples
from tfcommentaries.saving.manifest import to_json
from tfcommentaries.saving.replacing import write_text
from tfcommentaries.teaching import (
    agreeing,
    agreement_rates,
    annotate,
    baselines,
    evaluate,
    main_metric,
    paired_gain,
    trusted,
    verdict,
)
from tfcommentaries.teaching.comparison import gain_text, score_text, unit

#: Test examples for all but the last test of a student: enough to draw a curve.
_TESTED_ON_THE_WAY = 1000


def run(args):
    """Trains new students with and without the commentary and compares them."""
    folder = RunFolder(args.run_dir)
    task = folder.read_task(overrides(args))
    check_given(task.student, args)
    data = task.load_data()
    if not len(data.splits.test.y):
        raise ValueError(
            f"{args.run_dir} has no test examples. Learn again with --test_data, a "
            "file that neither training nor checking saw."
        )
    commentary = SavedCommentary(folder.commentary)
    kept = None
    if data.splits.num_classes is not None:
        kept = agreeing(
            lambda: task.make_student(data.splits, with_distributions=False),
            data.splits.validation,
            data.splits.train,
            args.steps,
            task.batch_size,
            task.seed,
        )
    weighs = commentary.kind == "example_weighting"
    if weighs:
        progress = np.linspace(0, 1, 11)
        weights = annotate(commentary, data.splits.train, progress)
        conditions = _of_examples(commentary, data, kept)
        constant = ConstantWeighting(float(weights.mean()))
        conditions["constant"] = (*data.splits.train, constant)
    elif data.groups is None:
        conditions = _of_examples(commentary, data, kept)
    else:
        conditions = _of_sources(commentary, data, kept)
    classes = data.splits.num_classes
    # A commentary turns labels into distributions itself.
    conditions = {
        name: (x, y if used else task.given_labels(y, classes), used)
        for name, (x, y, used) in conditions.items()
    }
    test_x, test_y = data.splits.test
    print(
        f"\nTraining {args.seeds} new students for {args.steps} steps under each of "
        f"{len(conditions)} conditions, with initial weights that were not used in "
        "learning."
    )
    line = ProgressLine(args.seeds * len(conditions), "student")
    done = itertools.count(1)
    rows = evaluate(
        task.new_students(data.splits),
        conditions,
        (test_x, task.given_labels(test_y, classes)),
        steps=args.steps,
        every=args.every or _every(args.steps),
        seeds=args.seeds,
        batch_size=task.batch_size,
        on_seed=lambda text: line.update(next(done)),
        tested_on_the_way=_TESTED_ON_THE_WAY,
    )
    write_text(folder.metrics, to_json(rows))
    folder.save_picture(insights.learning_curves(rows), "learning_curves")
    if weighs:
        figure = _overview(rows, data, progress, weights)
    elif data.groups is None:
        figure = insights.final_scores(rows)
    else:
        figure = _overview_of_sources(rows, data, commentary)
    folder.save_picture(figure, "overview")
    print(table(rows))
    print(f"Written: {folder.metrics} and {folder.pictures}")


def _every(steps, tests=4):
    """Steps between evenly spaced tests, at most `tests` of them."""
    return next(steps // n for n in range(min(tests, steps), 0, -1) if steps % n == 0)


def _of_examples(commentary, data, kept):
    """Conditions where the commentary sees single examples.

    Numbers to predict have no labels that a filter could agree with.
    """
    train, validation = data.splits[:2]
    conditions = {
        "plain": (*train, None),
        "commentary": (*train, commentary),
        "plain_with_validation": (*_join(train, validation), None),
        "validation_only": (*validation, None),
    }
    if kept is not None:
        filtered = _join(train, validation, kept)
        conditions["filtered_with_validation"] = (*filtered, None)
    return conditions


def _of_sources(commentary, data, kept):
    """Conditions for weighted sources, including rules that need no learning.

    Validation examples count as much as those of the best source.
    """
    train, validation = data.splits[:2]
    learned = commentary.table()
    both = _join(train, validation)
    best = np.full(len(validation.y), learned[0]["group"])
    grouped = commentary.add_groups(both.x, np.concatenate([data.groups, best]))
    conditions = {
        "plain": (*train, None),
        "plain_with_validation": (*both, None),
        "validation_only": (*validation, None),
        "commentary": (grouped, both.y, commentary),
    }
    chosen = {"commentary_trusted_sources": learned.trusted()}
    if kept is not None:
        filtered = _join(train, validation, kept)
        conditions["filtered_with_validation"] = (*filtered, None)
        rates = agreement_rates(kept, data.groups)
        chosen["sources_by_rate_0.5"] = trusted(rates, 0.5)
        chosen["sources_by_rate_0.8"] = trusted(rates, 0.8)
    if data.faults:
        good = [name for name, fault in data.faults.items() if fault == "nothing"]
        chosen["good_sources_known"] = good
    for name, sources in chosen.items():
        of = np.isin(data.groups, sources)
        conditions[name] = (*_join(train, validation, of), None)
    return conditions


def _join(train, validation, kept=slice(None)):
    parts = zip((train.x[kept], train.y[kept]), validation)
    return Examples(*(np.concatenate(part) for part in parts))


def table(rows, metric=None, points=6):
    """The rows as text, with the gain and whether it is more than noise.

    Args:
        rows: from `tfcommentaries.teaching.evaluate`.
        metric: which metric to show; `None` takes `main_metric`.
        points: how many student steps to show.

    Returns:
        A text of several lines.
    """
    metric = metric or main_metric(rows)
    steps = sorted({row["student_step"] for row in rows})
    if len(steps) > points:
        chosen = np.geomspace(1, len(steps), points).round().astype(int)
        steps = [steps[i - 1] for i in sorted(set(chosen))]
    found = {
        (r["condition"], r["student_step"]): r for r in rows if r["metric"] == metric
    }
    names = list(dict.fromkeys(row["condition"] for row in rows))
    width = max(map(len, names)) + len("gain over ") + 2
    lines = [
        f"\nTest {metric}: mean ± std over {rows[0]['seeds']} new students",
        "student step".ljust(width) + "".join(f"{step:>16}" for step in steps),
    ]
    for name in names:
        cells = (found[name, step] for step in steps)
        lines.append(
            name.ljust(width)
            + "".join(f"{score_text(r['mean'], r['std'], metric):>16}" for r in cells)
        )
    lines.append(
        f"Gain of the commentary ({unit(metric)}), students paired: ± standard error"
    )
    for baseline in baselines(rows):
        gains = (paired_gain(rows, "commentary", baseline, metric, s) for s in steps)
        lines.append(
            f"gain over {baseline}".ljust(width)
            + "".join(f"{gain_text(*gain, metric):>16}" for gain in gains)
        )
    lines.append(verdict(rows, metric))
    return "\n".join(lines)


def _overview_of_sources(rows, data, commentary):
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    insights.group_weights(commentary.table(), data.faults, left)
    insights.final_scores(rows, axes=right)
    return figure


def _overview(rows, data, progress, weights):
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    left, middle, right = figure.subfigures(1, 3, width_ratios=(3, 3, 4.6))
    insights.learning_curves(rows, axes=left.add_subplot())
    if data.corrupted.any():
        groups = {"right label": ~data.corrupted, "wrong label": data.corrupted}
    else:
        groups = data.by_label()
    insights.weights_over_progress(progress, weights, groups, middle.add_subplot())
    if data.splits.train.x.ndim == 4:
        insights.ranked_examples(
            data.splits.train.x, data.captions(), weights.mean(0), count=6, figure=right
        )
    return figure
