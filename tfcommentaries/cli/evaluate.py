"""`tfcommentaries evaluate`."""

import dataclasses
import itertools

import keras
import numpy as np

from tfcommentaries import SavedCommentary, insights
from tfcommentaries.cli.arguments import overrides
from tfcommentaries.cli.progress import ProgressLine, say
from tfcommentaries.cli.run_folder import RunFolder
from tfcommentaries.cli.student import untaught
from tfcommentaries.commentaries import ConstantWeighting
from tfcommentaries.saving.manifest import to_json
from tfcommentaries.saving.replacing import write_text
from tfcommentaries.teaching import (
    Condition,
    agreeing,
    annotate,
    cross_agreeing,
    evaluate,
    standard_conditions,
)

#: Test examples for all but the last test of a student: enough to draw a curve.
_TESTED_ON_THE_WAY = 1000


def run(args):
    """Trains new students with and without the commentary and compares them."""
    folder = RunFolder(args.run_dir)
    task = folder.read_learned(overrides(args))
    data = task.load_data()
    if not len(data.splits.test.y):
        raise ValueError(
            f"{args.run_dir} has no test examples. Learn again with --test_data, a "
            "file that neither training nor checking saw."
        )
    commentary = SavedCommentary(folder.commentary)
    kept = crossed = None
    if data.splits.num_classes is not None:
        training = args.steps, task.batch_size, task.seed
        train, checked = data.splits[:2]

        def make_student():
            return task.make_student(data.splits)

        kept = agreeing(make_student, checked, train, *training)
        if data.groups is not None:
            crossed = cross_agreeing(make_student, train, *training)
    keras.utils.set_random_seed(task.seed)
    faults = data.faults or {}
    conditions = standard_conditions(
        commentary,
        data.splits.train,
        data.splits.validation,
        kept,
        data.groups,
        tuple(name for name, fault in faults.items() if fault == "nothing"),
        crossed,
    )
    if commentary.weighs_examples and data.groups is None:
        progress = np.linspace(0, 1, 11) if commentary.uses_progress else [1.0]
        weights = annotate(commentary, data.splits.train, progress)
        conditions.append(
            Condition(
                "one weight for all",
                "All training examples with the mean of the commentary's weights.",
                data=data.splits.train,
                commentary=ConstantWeighting(float(weights.mean())),
            )
        )
    # A commentary gives labels in another form itself.
    conditions = [
        one
        if one.commentary
        else dataclasses.replace(one, data=untaught(commentary, one.data))
        for one in conditions
    ]
    say(
        f"Training {args.seeds} new students for {args.steps} steps under each of "
        f"{len(conditions)} conditions, with initial weights that were not used in "
        "learning."
    )
    line = ProgressLine(args.seeds * len(conditions), "student")
    done = itertools.count(1)
    every = args.every or _every(args.steps)
    comparison = evaluate(
        task.new_students(data.splits, commentary),
        conditions,
        untaught(commentary, data.splits.test),
        [*range(every, args.steps, every), args.steps],
        args.seeds,
        task.batch_size,
        on_student=lambda text: line.update(next(done)),
        tested_on_the_way=_TESTED_ON_THE_WAY,
    )
    write_text(folder.metrics, to_json(comparison.get_config()))
    folder.save_picture(insights.learning_curves(comparison), "learning_curves")
    folder.save_picture(insights.final_scores(comparison), "scores")
    print(f"\n{comparison.table()}")
    print(f"\nWritten: {folder.metrics} and {folder.pictures}")


def _every(steps, tests=4):
    """Steps between evenly spaced tests, at most `tests` of them."""
    return next(steps // n for n in range(min(tests, steps), 0, -1) if steps % n == 0)
