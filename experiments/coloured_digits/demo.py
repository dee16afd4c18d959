"""The second part of `make demo`: masks on two coloured digits, in a minute.

Learns masks on pairs of scikit-learn's digits with a small validation set in which the
blue digit tells nothing, trains new students with masks and without, prints the gain
and writes the SavedModel, metrics and a picture.
"""

import pathlib

import numpy as np
from absl import app, flags

from experiments import masks, protocol
from experiments.coloured_digits import run
from tfcommentaries import SavedCommentary, export_commentary, students
from tfcommentaries.insights import write_report
from tfcommentaries.saving.manifest import to_json
from tfcommentaries.saving.replacing import write_text
from tfcommentaries.teaching import mean_and_std

flags.DEFINE_string("demo_dir", "runs/demo/masks", "Where results go.")
SEEDS = 5
OUTER_STEPS = 100
STEPS = 60, 300
#: Conditions as the report calls them.
NAMES = {
    "with masks": "commentary",
    "without": "plain",
    "without, validation data added": "plain_with_validation",
    "without, validation data only": "validation_only",
}


def main(_):
    """Learns, teaches, prints and draws."""
    folder = pathlib.Path(flags.FLAGS.demo_dir)
    train, validation, test = run.make_data("digits, balanced validation", 0)
    commentary = masks.learn(train, validation, 0, stride=2, outer_steps=OUTER_STEPS)
    both = protocol.join(train.examples, validation.examples)
    conditions = {
        "with masks": (train.examples, commentary),
        "without": (train.examples, None),
        "without, validation data added": (both, None),
        "without, validation data only": (validation.examples, None),
    }
    found = {name: [] for name in conditions}
    for seed in range(SEEDS):
        for name, (examples, teaching) in conditions.items():
            accuracy = masks.teach_student(
                students.cbr, examples, test, teaching, teaching, seed, STEPS
            )
            values = [accuracy[f"accuracy, conflicting, step {n}"] for n in STEPS]
            found[name].append(values)
    print("\nTest accuracy where the blue digit misleads, 5 new students, mean ± std:")
    print(f"  {'student step':<38}" + "".join(f"{n:<16}" for n in STEPS))
    rows = []
    for name, values in found.items():
        spreads = [mean_and_std(column) for column in zip(*values)]
        cells = [f"{one['mean']:.3f} ± {one['std']:.3f}" for one in spreads]
        print(f"  {name:<38}" + "".join(f"{cell:<16}" for cell in cells))
        rows += [
            {
                "condition": NAMES[name],
                "student_step": n,
                "metric": "accuracy",
                **one,
                "values": list(column),
            }
            for n, one, column in zip(STEPS, spreads, zip(*values))
        ]
    print("Gain of masks in points, students paired, ± standard error:")
    for name in conditions:
        if name != "with masks":
            gains = 100 * np.subtract(found["with masks"], found[name])
            errors = gains.std(0, ddof=1) / np.sqrt(SEEDS)
            cells = [f"{g:+.1f} ± {e:.1f}" for g, e in zip(gains.mean(0), errors)]
            title = f"over {name}"
            print(f"  {title:<38}" + "".join(f"{cell:<16}" for cell in cells))
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
