"""`tfcommentaries evaluate`."""

import numpy as np
from matplotlib.figure import Figure

from tfcommentaries import SavedCommentary, insights
from tfcommentaries.cli.arguments import overrides
from tfcommentaries.cli.learn import captions
from tfcommentaries.cli.run_folder import RunFolder
from tfcommentaries.commentaries import ConstantWeighting
from tfcommentaries.saving.manifest import to_json
from tfcommentaries.saving.replacing import write_text
from tfcommentaries.teaching import (
    agreeing,
    annotate,
    evaluate,
    paired_gain,
    verdict,
)


def run(args):
    """Trains new students with and without the commentary and compares them."""
    folder = RunFolder(args.run_dir)
    task = folder.read_task(overrides(args))
    data = task.load_data()
    commentary = SavedCommentary(folder.commentary)
    train, validation, test = data.splits[:3]
    progress = np.linspace(0, 1, 11)
    weights = annotate(commentary, train, progress)
    kept = agreeing(
        lambda: task.make_student(data.splits),
        validation,
        train,
        args.steps,
        task.batch_size,
        task.seed,
    )
    both, filtered = (
        tuple(np.concatenate(parts) for parts in zip(some, validation))
        for some in (train, (train.x[kept], train.y[kept]))
    )
    conditions = {
        "plain": (*train, None),
        "commentary": (*train, commentary),
        "constant": (*train, ConstantWeighting(float(weights.mean()))),
        "plain_with_validation": (*both, None),
        "validation_only": (*validation, None),
        "filtered_with_validation": (*filtered, None),
    }
    print(
        f"Training {args.seeds} new students per condition for {args.steps} steps, "
        "with initial weights that were not used in learning."
    )
    rows = evaluate(
        task.make_student(data.splits),
        conditions,
        test,
        steps=args.steps,
        every=args.every,
        seeds=args.seeds,
        batch_size=task.batch_size,
        on_seed=lambda text: print(f"  {text}", flush=True),
    )
    write_text(folder.metrics, to_json(rows))
    folder.save_picture(insights.learning_curves(rows), "learning_curves")
    folder.save_picture(_overview(rows, data, progress, weights), "overview")
    print(table(rows))
    print(f"Written: {folder.metrics} and {folder.pictures}")


def table(rows, metric="accuracy", points=6):
    """The rows as text, with the gain and whether it is more than noise.

    Args:
        rows: from `tfcommentaries.teaching.evaluate`.
        metric: which metric to show.
        points: how many student steps to show.

    Returns:
        A text of several lines.
    """
    steps = sorted({row["student_step"] for row in rows})
    if len(steps) > points:
        chosen = np.geomspace(1, len(steps), points).round().astype(int)
        steps = [steps[i - 1] for i in sorted(set(chosen))]
    found = {
        (r["condition"], r["student_step"]): r for r in rows if r["metric"] == metric
    }
    names = list(dict.fromkeys(row["condition"] for row in rows))
    baselines = [name for name in names if name != "commentary"]
    width = max(map(len, names)) + len("gain over ") + 2
    lines = [
        f"\nTest {metric}: mean ± std over {rows[0]['seeds']} new students",
        "student step".ljust(width) + "".join(f"{step:>16}" for step in steps),
    ]
    for name in names:
        cells = (found[name, step] for step in steps)
        lines.append(
            name.ljust(width)
            + "".join(f"{r['mean']:>8.3f} ± {r['std']:.3f}" for r in cells)
        )
    lines.append("Gain of the commentary in points, students paired: ± standard error")
    for baseline in baselines:
        gains = (paired_gain(rows, "commentary", baseline, metric, s) for s in steps)
        lines.append(
            f"gain over {baseline}".ljust(width)
            + "".join(f"{100 * m:>+10.1f} ± {100 * e:.1f}" for m, e in gains)
        )
    lines.append(verdict(rows, metric))
    return "\n".join(lines)


def _overview(rows, data, progress, weights):
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    left, middle, right = figure.subfigures(1, 3, width_ratios=(3, 3, 4.6))
    insights.learning_curves(rows, axes=left.add_subplot())
    if data.corrupted.any():
        groups = {"right label": ~data.corrupted, "wrong label": data.corrupted}
    else:
        y = data.splits.train.y
        groups = {str(c): y == c for c in range(data.splits.num_classes)}
    insights.weights_over_progress(progress, weights, groups, middle.add_subplot())
    insights.ranked_examples(
        data.splits.train.x, captions(data), weights.mean(0), count=6, figure=right
    )
    return figure
