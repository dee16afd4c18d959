"""What is seen at a prompt and in a notebook."""

import numpy as np
import pandas as pd
from models import make_linear

from tfcommentaries import (
    CommentaryLearner,
    GroupWeighting,
    ImplicitTraining,
    UnrolledTraining,
)

NAMES = ["ann", "bob <b>", "cem"]


def test_a_table_in_a_notebook_and_in_pandas():
    weighting = GroupWeighting(NAMES)
    weighting.logits["group"].assign([[[2.0]], [[-4.0]], [[1.5]]])
    table = weighting.table()
    page = table._repr_html_()
    assert page.count("<tr>") == 4 and "bob &lt;b&gt;" in page and "<b>" not in page
    frame = table.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert frame.set_index("group").advice.to_dict() == {
        "ann": "trust",
        "cem": "trust",
        "bob <b>": "drop",
    }
    assert repr(table) == str(table)


def test_objects_say_what_matters(vectors, capsys):
    x, y = vectors
    weighting = GroupWeighting({"site": np.array(NAMES)[np.arange(12) % 3]})
    assert repr(weighting) == "<GroupWeighting: 3 groups of 'site', not learned>"
    learner = CommentaryLearner(weighting, make_linear((5,), 3), inner_steps=2)
    assert "2 inner steps, 0 outer steps made" in repr(learner)
    grouped = weighting.add_groups(x, {"site": np.array(NAMES)[np.arange(12) % 3]})
    learner.fit(grouped, y, validation_data=(x, y), steps_per_epoch=3, verbose=0)
    assert "2 inner steps, 3 outer steps made" in repr(learner)
    assert repr(weighting).endswith(", learned>")
    learner.summary()
    printed = capsys.readouterr().out
    for text in ("GroupWeighting", "UnrolledTraining(", "fresh"):
        assert text in printed
    assert [row["group"] for row in learner.table()]


def test_methods_say_how_they_differ():
    assert "truncate=5" in repr(UnrolledTraining(truncate=5))
    assert "products='reverse'" in repr(ImplicitTraining(products="reverse"))
