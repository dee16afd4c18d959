"""Pictures and a report beside a commentary."""

import os

from tfx.dsl.io import fileio

from tfcommentaries import SavedCommentary, insights


def write_pictures(directory, commentary_dir, history, examples):
    """Writes pictures, and `report.html` beside their directory.

    Args:
        directory: where the pictures go.
        commentary_dir: path of the exported commentary.
        history: as for `insights.learning_history`.
        examples: `Examples`, some of the training examples.
    """
    commentary = SavedCommentary(commentary_dir)
    drawn = insights.views(commentary, examples)
    figures = {view.name: view.figure for view in drawn}
    figures["learning"] = insights.learning_history(history)
    fileio.makedirs(directory)
    for name, figure in figures.items():
        with fileio.open(os.path.join(directory, f"{name}.png"), "wb") as file:
            figure.savefig(file, format="png", dpi=110)
    insights.write_report(
        os.path.join(os.path.dirname(directory), "report.html"),
        commentary,
        examples,
        history=history,
        location=commentary_dir,
        drawn=drawn,
    )
