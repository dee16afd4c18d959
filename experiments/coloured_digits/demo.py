"""The second part of `make demo`: masks on two coloured digits, in a minute.

Learns masks on pairs of scikit-learn's digits with a small validation set in which the
blue digit carries no information, trains new students with masks and without, prints
the gain and writes the SavedModel, metrics and a picture.
"""

import pathlib

from absl import app, flags

from experiments import masks, protocol, student_training
from experiments.coloured_digits import run
from tfcommentaries import SavedCommentary, export_commentary, students
from tfcommentaries.insights import write_report
from tfcommentaries.saving.manifest import to_json
from tfcommentaries.saving.replacing import write_text
from tfcommentaries.teaching import Comparison, Condition

flags.DEFINE_string("demo_dir", "runs/demo/masks", "Where results go.")
SEEDS = 3
OUTER_STEPS = 60
STEPS = 60, 150


def main(_):
    """Learns, teaches, prints and draws."""
    folder = pathlib.Path(flags.FLAGS.demo_dir)
    train, validation, test = run.make_data("digits, balanced validation", 0)
    commentary = masks.learn(train, validation, 0, stride=2, outer_steps=OUTER_STEPS)
    both = protocol.join(train.examples, validation.examples)
    conditions = {
        Condition(
            "masked images", "Images under learned masks, tested likewise.", "ours"
        ): (train.examples, test, commentary, commentary),
        Condition("plain training", "Images as they are.", "plain"): (
            train.examples,
            test,
            None,
            None,
        ),
        Condition("checked examples added", "Also those that masks were learned by."): (
            both,
            test,
            None,
            None,
        ),
        Condition("checked examples alone", "Only those that masks were learned by."): (
            validation.examples,
            test,
            None,
            None,
        ),
    }
    student = student_training.make_student(
        students.cbr, train.examples.x.shape[1:], 10
    )
    measured = masks.teach_students(student, conditions, SEEDS, STEPS)
    rows = tuple(
        row._replace(metric="accuracy")
        for row in measured.rows
        if row.metric == "accuracy, conflicting"
    )
    comparison = Comparison(measured.conditions, rows)
    print(f"\nOn pairs where the blue digit misleads:\n{comparison.table()}")
    found = comparison.get_config()
    export_commentary(commentary, folder / "commentary", metrics=found)
    write_text(folder / "metrics.json", to_json(found))
    masks.draw(folder / "commentary", test).savefig(folder / "masks.png", dpi=100)
    write_report(
        folder / "report.html",
        SavedCommentary(folder / "commentary"),
        test.examples,
        comparison=comparison,
        location=str(folder / "commentary"),
        facts={"data": "pairs of scikit-learn's digits", "outer steps": OUTER_STEPS},
    )
    print(
        f"Written to {folder}: commentary (SavedModel), metrics.json, masks.png and "
        "report.html"
    )


if __name__ == "__main__":
    app.run(main)
