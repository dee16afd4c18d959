"""`tfcommentaries teach`."""

import os
import zipfile

import keras
import numpy as np

from tfcommentaries import CommentaryCallback, SavedCommentary
from tfcommentaries.cli.arguments import overrides
from tfcommentaries.cli.run_folder import RunFolder
from tfcommentaries.cli.student import untaught
from tfcommentaries.saving.replacing import check_file, replacing_file

#: What says that a file of Keras is a student that was taught here.
_MARK = b"taught by tfcommentaries"


def run(args):
    """Trains one student with the commentary and saves it as a Keras model."""
    folder = RunFolder(args.run_dir)
    if not args.model.endswith(".keras"):
        raise ValueError(
            f"--model must end with .keras, Keras's own format. Received: {args.model}"
        )
    check_file(args.model, _is_taught)
    task = folder.read_learned(overrides(args))
    data = task.load_data()
    keras.utils.set_random_seed(args.student_seed)
    commentary = SavedCommentary(folder.commentary)
    student = task.make_student(data.splits, commentary)
    train = data.inputs(commentary), data.splits.train.y
    callbacks = [CommentaryCallback(commentary)]
    if args.trusted:
        train, callbacks = _of_trusted(data, commentary), []
    validation, test = (untaught(commentary, part) for part in data.splits[1:3])
    x, y, weights = keras.utils.unpack_x_y_sample_weight(train)
    student.fit(
        x,
        y,
        sample_weight=weights,
        batch_size=task.batch_size,
        epochs=args.epochs,
        # The trusted are trained on together with these.
        validation_data=None if args.trusted else validation,
        callbacks=callbacks,
        verbose=2,
    )
    result = {}
    if len(data.splits.test.y):
        x, y, weights = keras.utils.unpack_x_y_sample_weight(test)
        result = student.evaluate(
            x, y, verbose=0, sample_weight=weights, return_dict=True
        )
    directory = os.path.dirname(args.model)
    if directory:
        os.makedirs(directory, exist_ok=True)
    if data.encoding is not None and not data.encoding.is_plain:
        student = _of_columns(data.encoding.model(), student)
    with replacing_file(args.model, _is_taught, suffix=".keras") as written:
        student.save(written)
        with zipfile.ZipFile(written, "a") as file:
            file.comment = _MARK
    if result:
        print("test: " + ", ".join(f"{k} {v:.4f}" for k, v in result.items()))
    print(f"Written: {args.model}")


def _of_trusted(data, commentary):
    """Examples of trusted sources and the checked ones, as `evaluate` measures."""
    if data.groups is None:
        raise ValueError("--trusted is for runs that learned weights of sources.")
    kept = commentary.trusts(data.inputs(commentary))
    (x, y), (x_checked, y_checked) = data.splits[:2]
    y = np.concatenate([y[kept], y_checked])
    x = np.concatenate([x[kept], x_checked])
    return untaught(commentary, (x, y))


def _is_taught(path):
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as file:
        return file.comment == _MARK


def _of_columns(encoding, student):
    """The student on a table's raw columns, compiled as before."""
    model = keras.Model(encoding.input, student(encoding.output), name=student.name)
    model.compile_from_config(student.get_compile_config())
    return model
