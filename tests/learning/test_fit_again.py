"""What a learner does in a `fit` after the student has been changed by its user."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_student

from tfcommentaries import CommentaryLearner, ExampleWeighting

pytestmark = pytest.mark.filterwarnings(
    "ignore:The weights are unreliable", "ignore:The student .* has been trained"
)


def fit(learner, data):
    return learner.fit(data, data, batch_size=4, steps_per_epoch=2, verbose=0)


def learner_of(student, mode, outer=None):
    weighting = ExampleWeighting(num_classes=3)
    learner = CommentaryLearner(
        weighting, student, inner_steps=2, student_initialization=mode
    )
    learner.compile(outer or keras.optimizers.Adam(0.01))
    return learner


def weights_of(learner):
    return [v.numpy() for v in learner.initialization.state.weights.trainable]


@pytest.mark.parametrize("mode", ["fixed", "fresh", 2, "continue"])
def test_layers_may_be_frozen_and_thawed_in_between(vectors, mode):
    student = make_student((5,), 3)
    learner = learner_of(student, mode)
    fit(learner, vectors)
    student.layers[-1].trainable = False
    losses = fit(learner, vectors).history["loss"]
    assert len(weights_of(learner)) == 3 and np.isfinite(losses).all()
    student.layers[-1].trainable, student.layers[1].trainable = True, False
    fit(learner, vectors)
    shapes = [w.shape for w in weights_of(learner)]
    assert shapes == [v.shape for v in student.trainable_variables]


def test_a_continued_student_keeps_its_weights_with_another_optimizer(vectors):
    student = make_student((5,), 3, optimizer=keras.optimizers.SGD(0.1))
    start = student.get_weights()
    learner = learner_of(student, "continue")
    fit(learner, vectors)
    trained = weights_of(learner)
    assert abs(trained[0] - start[0]).max() > 0
    # Which moves nothing, but has slots.
    student.compile(keras.optimizers.Adam(0.0), student.loss)
    fit(learner, vectors)
    for one, other in zip(trained, weights_of(learner), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(tf.nest.flatten(learner.initialization.variables)) > len(start)


def test_students_train_as_they_are_compiled_then(vectors):
    """Not as they were when the outer step was traced."""
    student = make_student((5,), 3)
    learner = learner_of(student, "fixed", keras.optimizers.SGD(0.0))

    def loss(rate):
        student.compile(keras.optimizers.SGD(rate), student.loss)
        return fit(learner, vectors).history["loss"][0]

    untrained, trained = loss(0.0), loss(0.5)
    assert loss(0.0) == pytest.approx(untrained, rel=1e-5)
    assert trained < 0.95 * untrained


def test_what_is_frozen_in_the_commentary_by_then_stays(vectors):
    learner = learner_of(make_student((5,), 3), "fresh")
    fit(learner, vectors)
    *_, hidden, output = learner.commentary.teacher.layers
    output.trainable = False
    before = output.kernel.numpy(), hidden.kernel.numpy()
    fit(learner, vectors)
    np.testing.assert_array_equal(output.kernel, before[0])
    assert (hidden.kernel.numpy() != before[1]).any()
