"""`tfcommentaries teach`."""

import os

import keras

from tfcommentaries import CommentaryCallback, SavedCommentary
from tfcommentaries.cli.arguments import overrides
from tfcommentaries.cli.replacing_file import replacing_file
from tfcommentaries.cli.run_folder import RunFolder


def run(args):
    """Trains one student with the commentary and saves it as a Keras model."""
    folder = RunFolder(args.run_dir)
    if not args.model.endswith(".keras"):
        raise ValueError(
            f"--model must end with .keras, Keras's own format. Received: {args.model}"
        )
    task = folder.read_learned(overrides(args))
    data = task.load_data()
    keras.utils.set_random_seed(args.student_seed)
    student = task.make_student(data.splits)
    commentary = SavedCommentary(folder.commentary)
    validation, test = (
        (x, task.given_labels(y, data.splits.num_classes)) for x, y in data.splits[1:3]
    )
    student.fit(
        data.inputs(commentary),
        data.splits.train.y,
        batch_size=task.batch_size,
        epochs=args.epochs,
        validation_data=validation,
        callbacks=[CommentaryCallback(commentary)],
        verbose=2,
    )
    result = {}
    if len(test[1]):
        result = student.evaluate(*test, verbose=0, return_dict=True)
    directory = os.path.dirname(args.model)
    if directory:
        os.makedirs(directory, exist_ok=True)
    if data.encoding is not None and not data.encoding.is_plain:
        student = _of_columns(data.encoding.model(), student)
    with replacing_file(args.model) as written:
        student.save(written)
    if result:
        print("test: " + ", ".join(f"{k} {v:.4f}" for k, v in result.items()))
    print(f"Written: {args.model}")


def _of_columns(encoding, student):
    """The student on a table's raw columns, compiled as before."""
    model = keras.Model(encoding.input, student(encoding.output), name=student.name)
    model.compile_from_config(student.get_compile_config())
    return model
