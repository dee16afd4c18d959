"""The second part of `make demo`: masks on two coloured digits, in a minute.

Learns masks on pairs of scikit-learn's digits with a small validation set in which the
blue digit tells nothing, trains new students with masks and without, prints the gain
and writes the SavedModel, metrics and a picture.
"""

import pathlib

from absl import app, flags

from experiments import masks, protocol
from experiments.coloured_digits import run
from tfcommentaries import SavedCommentary, export_commentary, students
from tfcommentaries.cli.evaluate import table
from tfcommentaries.insights import write_report
from tfcommentaries.saving.manifest import to_json
from tfcommentaries.saving.replacing import write_text
from tfcommentaries.teaching import mean_and_std

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
        "commentary": (train.examples, test, commentary, commentary),
        "plain": (train.examples, test, None, None),
        "plain_with_validation": (both, test, None, None),
        "validation_only": (validation.examples, test, None, None),
    }
    found = {name: [] for name in conditions}
    for seed in range(SEEDS):
        taught = masks.teach_students(students.cbr, conditions, seed, STEPS)
        for name, accuracy in taught.items():
            values = [accuracy[f"accuracy, conflicting, step {n}"] for n in STEPS]
            found[name].append(values)
    rows = [
        {
            "condition": name,
            "student_step": step,
            "metric": "accuracy",
            **mean_and_std(column),
            "values": list(column),
        }
        for name, values in found.items()
        for step, column in zip(STEPS, zip(*values))
    ]
    print("\nOn pairs where the blue digit misleads:" + table(rows))
    export_commentary(commentary, folder / "commentary", metrics={"rows": rows})
    write_text(folder / "metrics.json", to_json(rows))
    masks.draw(folder / "commentary", test).savefig(folder / "masks.png", dpi=100)
    write_report(
        folder / "report.html",
        SavedCommentary(folder / "commentary"),
        test.examples,
        rows=rows,
        location=str(folder / "commentary"),
        facts={"data": "pairs of scikit-learn's digits", "outer steps": OUTER_STEPS},
    )
    print(
        f"Written to {folder}: commentary (SavedModel), metrics.json, masks.png and "
        "report.html"
    )


if __name__ == "__main__":
    app.run(main)
