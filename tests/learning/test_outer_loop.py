"""What a learner is not says what to use instead."""

import pytest
from models import make_student

from tfcommentaries import CommentaryLearner, ExampleWeighting, FewShotLearner


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda one, x, y: one.evaluate(x, y), r"teaching\.evaluate|evaluate_tasks"),
        (lambda one, x, y: one.predict(x), "`commentary`|`adapt`"),
        (lambda one, x, y: one.train_on_batch(x, y), "fit"),
        (lambda one, x, y: one.predict_on_batch(x), "`commentary`|`adapt`"),
    ],
    ids=["evaluate", "predict", "train_on_batch", "predict_on_batch"],
)
@pytest.mark.parametrize("few_shot", [False, True])
def test_says_what_to_use_instead(call, message, few_shot, vectors):
    student = make_student((5,), 3)
    one = (
        FewShotLearner(student)
        if few_shot
        else CommentaryLearner(ExampleWeighting(num_classes=3), student)
    )
    one.compile()
    with pytest.raises(NotImplementedError, match=message):
        call(one, *vectors)


def test_a_file_is_not_emptied(tmp_path):
    learner = CommentaryLearner(ExampleWeighting(), make_student((5,), 3))
    file = tmp_path / "it.keras"
    file.write_text("precious")
    with pytest.raises(NotImplementedError, match="cannot be saved itself"):
        learner.save(file)
    assert file.read_text() == "precious"
