"""Who waits for the first outer step reads why, above the first epoch; once."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_student

from tfcommentaries import CommentaryLearner, ExampleWeighting, teachers
from tfcommentaries.learning import waiting
from tfcommentaries.learning.tried import Tried
from tfcommentaries.students import FunctionalStudent

DATA = np.ones((8, 5), "float32"), np.arange(8) % 3


@pytest.fixture
def learner():
    weighting = ExampleWeighting(teachers.mlp((5,), units=(2,)))
    return CommentaryLearner(weighting, make_student((5,), 3), inner_steps=2)


def fit(learner, verbose=0, **kwargs):
    return learner.fit(
        DATA,
        validation_data=DATA,
        steps_per_epoch=1,
        verbose=verbose,
        **{"batch_size": 4, **kwargs},
    )


@pytest.mark.filterwarnings("ignore:The weights are unreliable")
def test_the_line_and_what_fits_share(learner, capsys, monkeypatch):
    monkeypatch.setattr(waiting, "SECONDS", 0.0)
    model, traces = learner.student.model, []
    call = model.call
    model.call = lambda *args, **kw: traces.append(args[0]) or call(*args, **kw)
    fit(learner, verbose=1)
    begin, line = capsys.readouterr().out.splitlines()
    assert begin.startswith(
        f"Preparing the first outer step: the student {model.name!r}"
    )
    assert line.startswith("Epoch 1/1: outer loss ")
    # One for a step, one for the outer loss.
    assert len([x for x in traces if not hasattr(x, "numpy")]) == 2
    traces.clear()
    fit(learner, verbose=1, epochs=2)
    assert not traces
    assert "Preparing" not in capsys.readouterr().out
    model.layers[-1].trainable = False
    fit(learner, verbose=1)
    assert traces and "Preparing" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:The weights are unreliable")
def test_what_is_read_again_is_said(learner, capsys, tmp_path):
    data = tf.data.Dataset.from_tensor_slices(DATA).batch(4)
    for epochs, verbose, said in (1, 2, 0), (2, 2, 1), (3, 0, 0):
        learner.fit(
            data,
            validation_data=DATA,
            steps_per_epoch=3,
            epochs=epochs,
            checkpoint_dir=tmp_path,
            verbose=verbose,
        )
        line = "Resuming after 3 outer steps: the data set is read again up to there, "
        assert capsys.readouterr().out.count(f"{line}24 ") == said


def test_nothing_is_said_without_verbose(learner, capsys, monkeypatch):
    monkeypatch.setattr(waiting, "SECONDS", 0.0)
    with waiting.Waiting(learner, "it", 0) as silent, silent:
        pass
    with waiting.Waiting(learner, "it", "auto") as loud:
        loud._timer.join()
    assert capsys.readouterr().out.count("Preparing") == 1
    monkeypatch.setattr(waiting, "SECONDS", 60.0)
    with waiting.Waiting(learner, "it", "auto") as early:
        timer = early._timer
        early.on_train_batch_end(0)
        timer.join(10)
        assert not timer.is_alive()
    assert not capsys.readouterr().out


def test_a_student_is_tried_again_where_something_is_new(learner):
    weighting, student = learner.commentary, learner.student
    x, y = DATA
    batch = tuple(map(tf.constant, (x, y, np.ones(8, "float32"))))
    weighting.teach(x, y, None, 0.0)
    tried = Tried()

    def layer(batch=batch):
        training = learner.inner_training
        validation = *batch[:2], None
        return tried.on(student, training, weighting, batch, validation).layer

    first = layer()
    assert layer() is first
    assert layer(tuple(part[:4] for part in batch)) is not first
    second = layer()
    student.model.compile(keras.optimizers.SGD(0.0), student.model.loss)
    assert layer() is not second
    assert layer().problem.optimizer.learning_rate == 0
    third = layer()
    student.model.layers[1].trainable = False
    assert layer() is not third


def test_fresh_students_are_drawn_without_running_layers(monkeypatch):
    student = FunctionalStudent(make_student((5,), 3))
    student.draw(0)
    monkeypatch.setattr(keras.layers.Layer, "__call__", None)
    first, other = student.draw(1), student.draw(2)
    assert (first.trainable[0] != other.trainable[0]).numpy().any()
