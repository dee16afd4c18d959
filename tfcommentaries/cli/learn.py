"""`tfcommentaries learn`."""

import dataclasses
import os
import time

import keras
import numpy as np

from tfcommentaries import SavedCommentary, export_commentary, insights
from tfcommentaries.cli.progress import LearningProgress, say
from tfcommentaries.cli.run_folder import RunFolder
from tfcommentaries.cli.settings import Settings
from tfcommentaries.cli.student import labels_of
from tfcommentaries.learning.epochs import steps_per_epoch

#: Settings that are not exported with the commentary.
_OF_THIS_MACHINE = ("data_dir", "dataset", "validation_data", "test_data", "files")
#: Most examples in pictures.
_DRAWN = 500


def run(args):
    """Learns a commentary and exports it into the run folder."""
    folder = RunFolder(args.run_dir)
    if args.steps_per_epoch and args.outer_steps:
        _check_epochs(args.steps_per_epoch, args.outer_steps)
    settings = Settings.of(args)
    keras.utils.set_random_seed(settings.seed)
    data = settings.load_data()
    splits = data.splits
    recipe = settings.recipe(splits.num_classes)
    commentary = recipe.make_commentary(
        splits.num_classes, data.groups, splits.train.x.shape[1:]
    )
    steps = settings.outer_steps or commentary.suggested["outer_steps"]
    per_epoch = args.steps_per_epoch or (
        # Learning may stop after any step.
        1 if commentary.can_start else steps_per_epoch(steps)
    )
    _check_epochs(per_epoch, steps)
    settings = dataclasses.replace(
        settings, files=data.files, outer_steps=steps, steps_per_epoch=per_epoch
    )
    student = settings.new_students(splits, commentary)
    learner = recipe.make_learner(commentary, student, labels_of(splits.num_classes))
    with folder.alone() as check:
        folder.start(settings)
        if folder.learned:
            print(f"{folder.commentary} has already been learned.")
        else:
            _learn(folder, settings, data, learner, check)
        _draw(folder, settings, data)


def _check_epochs(per_epoch, steps):
    if steps % per_epoch:
        raise ValueError(
            f"--steps_per_epoch={per_epoch} must divide --outer_steps={steps}, or be "
            "left out."
        )


def _draw(folder, settings, data):
    """Draws what was learned, unless that is done."""
    if os.path.exists(os.path.join(folder.pictures, "learning.png")):
        return
    commentary = SavedCommentary(folder.commentary)
    if commentary.table() is not None:
        _print_sources(commentary.table(), data.faults)
    some = data.some(commentary, _DRAWN)
    wrong = data.corrupted[:_DRAWN] if data.corrupted.any() else None
    for view in insights.views(commentary, some, wrong, data.notes()):
        folder.save_picture(view.figure, view.name)
    history = folder.read_history()
    history["outer_step"] = (np.array(history["epoch"]) + 1) * settings.steps_per_epoch
    folder.save_picture(insights.learning_history(history), "learning")


def _learn(folder, settings, data, learner, check):
    """Learns, and writes the history and the commentary to the folder."""
    train, validation = data.splits.train, data.splits.validation
    commentary = learner.commentary
    spoiled = f" ({data.corrupted.mean():.0%} of the labels are wrong)"
    say(
        f"Learning on {len(train.y)} examples of {data.splits.name}"
        f"{spoiled if data.corrupted.any() else ''}, with {len(validation.y)} "
        f"validation examples: {'at most ' if commentary.can_start else ''}"
        f"{settings.outer_steps} outer steps of {learner.inner_steps} student steps"
        f"{f', {learner.repeats + 1} times' if learner.repeats else ''}. "
        "Interrupt it at any time; the same command resumes it."
    )
    begin = time.monotonic()
    epochs = settings.outer_steps // settings.steps_per_epoch
    history = learner.fit(
        (data.inputs(commentary), train.y),
        validation_data=validation,
        batch_size=settings.batch_size,
        steps_per_epoch=settings.steps_per_epoch,
        epochs=epochs,
        callbacks=[
            LearningProgress(settings.steps_per_epoch, epochs),
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
        # Weights of sources, or by losses, depend on no column.
        if data.groups is None and not commentary.uses_student_loss:
            columns = data.encoding.model()
    export_commentary(
        commentary,
        folder.commentary,
        learned={
            **{
                key: value
                for key, value in settings.applied().items()
                if key not in _OF_THIS_MACHINE
            },
            "inner_steps": learner.inner_steps,
            "dataset": os.path.basename(settings.dataset.rstrip("/")),
            "method": settings.inner_training,
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
    width = max(map(len, lines))
    print(f"\n{head:<{width}}  what is wrong with it")
    for line, row in zip(lines, table):
        print(f"{line:<{width}}  {faults[row['group']]}")
