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
        (lambda one, x, y: one.save("it.keras"), "cannot be saved itself"),
    ],
    ids=["evaluate", "predict", "train_on_batch", "save"],
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
