"""`tfcommentaries learn`."""

import dataclasses
import os
import time

import keras
import numpy as np

from tfcommentaries import (
    CommentaryLearner,
    SavedCommentary,
    UnrolledTraining,
    export_commentary,
    insights,
)
from tfcommentaries.cli.kinds import kinds_of, make_commentary
from tfcommentaries.cli.progress import LearningProgress
from tfcommentaries.cli.run_folder import RunFolder
from tfcommentaries.cli.settings import Settings
from tfcommentaries.cli.student import labels_of
from tfcommentaries.learning.epochs import steps_per_epoch
from tfcommentaries.students.outputs import metrics_for
from tfcommentaries.teaching import annotate

#: Settings that are not exported with the commentary.
_OF_THIS_MACHINE = ("data_dir", "dataset", "validation_data", "test_data", "files")
#: Number of examples in pictures of kinds other than weights.
_DRAWN = 500


def run(args):
    """Learns a commentary and exports it into the run folder."""
    of_sources = kinds_of(args) == ("sources",)
    args.outer_steps = args.outer_steps or (40 if of_sources else 100)
    if args.steps_per_epoch is None:
        args.steps_per_epoch = steps_per_epoch(args.outer_steps)
    elif args.outer_steps % args.steps_per_epoch:
        raise ValueError(
            f"--steps_per_epoch={args.steps_per_epoch} must divide --outer_steps="
            f"{args.outer_steps}, or be left out."
        )
    folder = RunFolder(args.run_dir)
    task = Settings.of(args)
    keras.utils.set_random_seed(task.seed)
    data = task.load_data()
    task = dataclasses.replace(task, files=data.files)
    student = task.make_student(data.splits)
    commentary = make_commentary(kinds_of(args), args, data)
    with folder.alone() as check:
        folder.start(task)
        if folder.learned:
            print(f"{folder.commentary} has already been learned.")
        else:
            _learn(folder, task, args, data, student, commentary, check)
        _draw(folder, args, data)


def _draw(folder, args, data):
    """Draws what was learned, unless that is done."""
    if os.path.exists(os.path.join(folder.pictures, "learning.png")):
        return
    commentary = SavedCommentary(folder.commentary)
    kinds = kinds_of(args)
    if "sources" in kinds:
        _print_sources(commentary.table(), data.faults)
    if kinds == ("examples",):
        _draw_weights(folder, commentary, data, args)
    elif kinds == ("sources",):
        figure = insights.group_weights(commentary.table(), data.faults)
        folder.save_picture(figure, "sources")
    else:
        some = data.some(commentary, _DRAWN)
        for view in insights.views(commentary, some):
            folder.save_picture(view.figure, view.name)
    history = folder.read_history()
    history["outer_step"] = (np.array(history["epoch"]) + 1) * args.steps_per_epoch
    folder.save_picture(insights.learning_history(history), "learning")


def _learn(folder, task, args, data, student, commentary, check):
    """Learns, and writes the history and the commentary to the folder."""
    train, validation = data.splits.train, data.splits.validation
    learner = CommentaryLearner(
        commentary,
        task.new_students(data.splits, student),
        UnrolledTraining(truncate=args.truncate),
        inner_steps=args.inner_steps,
        seed=task.seed,
    )
    learner.compile(
        optimizer=args.outer_learning_rate
        and keras.optimizers.Adam(args.outer_learning_rate),
        metrics=metrics_for(student, labels_of(data.splits.num_classes)),
    )
    spoiled = f" ({data.corrupted.mean():.0%} of the labels made wrong)"
    print(
        f"Learning on {len(train.y)} examples of {data.splits.name}"
        f"{spoiled if data.corrupted.any() else ''}, with "
        f"{len(validation.y)} validation examples: {args.outer_steps} outer steps of "
        f"{args.inner_steps} student steps. Interrupt it at any time; the same "
        "command resumes it."
    )
    begin = time.monotonic()
    epochs = args.outer_steps // args.steps_per_epoch
    history = learner.fit(
        (data.inputs(commentary), train.y),
        validation_data=validation,
        batch_size=task.batch_size,
        steps_per_epoch=args.steps_per_epoch,
        epochs=epochs,
        callbacks=[
            LearningProgress(args.steps_per_epoch, epochs),
            # Before a checkpoint would make the folder again.
            keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs: check()
            ),
        ],
        checkpoint_dir=folder.checkpoint,
        verbose=0,
    )
    check()
    # All epochs, including those before an interruption.
    folder.write_history({"epoch": history.epoch, **history.history})
    of_table, columns = {}, None
    if data.encoding is not None:
        of_table = {"encoding": data.encoding.get_config()}
        # Weights of sources depend on no column.
        columns = data.encoding.model() if data.groups is None else None
    settings = dataclasses.asdict(task)
    export_commentary(
        commentary,
        folder.commentary,
        learned={
            **{k: v for k, v in settings.items() if k not in _OF_THIS_MACHINE},
            "dataset": os.path.basename(task.dataset.rstrip("/")),
            "method": "UnrolledTraining",
            **of_table,
        },
        metrics={name: values[-1] for name, values in history.history.items()},
        columns=columns,
    )
    print(f"Learned in {time.monotonic() - begin:.0f} s: {folder.commentary}")


def _print_sources(table, faults):
    if faults is None:
        print(f"\n{table}")
        return
    head, *lines = str(table).splitlines()
    print(f"\n{head:<{len(lines[0])}}  what is wrong with it")
    width = max(map(len, lines))
    for line, row in zip(lines, table):
        print(f"{line:<{width}}  {faults[row['group']]}")


def _draw_weights(folder, commentary, data, args):
    train = data.splits.train
    progress = np.linspace(0, 1, 11) if args.curriculum else np.array([0.0, 1.0])
    weights = annotate(commentary, train, progress)
    figure = insights.weights_over_progress(progress, weights, data.by_label())
    folder.save_picture(figure, "weights_by_class")
    if data.corrupted.any():
        groups = {"right label": ~data.corrupted, "wrong label": data.corrupted}
        figure = insights.weights_over_progress(progress, weights, groups)
        folder.save_picture(figure, "weights_by_label_quality")
    if train.x.ndim == 4:
        figure = insights.ranked_examples(train.x, data.captions(), weights.mean(0))
        folder.save_picture(figure, "examples")
