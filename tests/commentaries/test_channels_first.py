"""Images with channels first are refused where they would be taken for others."""

import keras
import numpy as np
import pytest

from tfcommentaries import (
    AttentionMask,
    AuxiliaryTargets,
    CommentaryLearner,
    Composition,
    ElementWeighting,
    ExampleWeighting,
    GroupWeighting,
    LabelBlending,
    LearnCommentaryCallback,
    SoftLabels,
    teachers,
)

layers = keras.layers
X = np.zeros((4, 3, 16, 16), "float32")
Y = np.arange(4) % 3


@pytest.fixture
def channels_first():
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format("channels_last")


def teacher(outputs):
    """A user's own, which does not say how its inputs are ordered."""
    return keras.Sequential([layers.Flatten(), layers.Dense(outputs)])


KINDS = {
    "ExampleWeighting": lambda: ExampleWeighting(curriculum=True),
    "its own teacher": lambda: ExampleWeighting(teacher(1), num_classes=3),
    "without conditions": lambda: ExampleWeighting(),
    "AttentionMask": lambda: AttentionMask(),
    "LabelBlending": lambda: LabelBlending(3, teacher(3)),
    "SoftLabels": lambda: SoftLabels(3, teacher(3)),
    "AuxiliaryTargets": lambda: AuxiliaryTargets(2),
    "Composition": lambda: Composition([LabelBlending(3), AttentionMask()]),
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_are_refused_if_keras_is_set_to_them(make, channels_first):
    with pytest.raises(ValueError, match="channels_last.*Permute") as error:
        make()(X, y=Y, progress=0.0)
    assert "set to 'channels_first'" in str(error.value)


def test_so_are_teachers_of_images(channels_first):
    for make in teachers.cbr, teachers.convolutions, teachers.unet, teachers.key_points:
        with pytest.raises(ValueError, match=f"teachers.{make.__name__} takes images"):
            make((3, 16, 16))
    with pytest.raises(ValueError, match="set to 'channels_first'"):
        ElementWeighting()(X)


@pytest.mark.parametrize(
    "make",
    [
        lambda: GroupWeighting(Y),
        lambda: LabelBlending(3),
        lambda: SoftLabels(3),
        lambda: ExampleWeighting(teacher(1)),
    ],
)
def test_what_does_not_look_at_channels_takes_them(make, channels_first):
    commentary = make()
    x = commentary.add_groups(X, Y) if isinstance(commentary, GroupWeighting) else X
    commentary.teach(x, Y, None, 0.0)


def make_student(*begin):
    model = keras.Sequential([*begin])
    for layer in (
        layers.MaxPooling2D(data_format="channels_first"),
        layers.Flatten(),
        layers.Dense(3),
    ):
        model.add(layer)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


class Reached(Exception):
    """Learning would go on."""


@pytest.mark.parametrize("in_fit", [False, True])
def test_a_student_whose_layers_take_them_is_noticed(in_fit, monkeypatch):
    def learn(commentary, student, x):
        if in_fit:
            learn = LearnCommentaryCallback(commentary, (x, Y))
            learn.set_model(student)
        else:
            learner = CommentaryLearner(commentary, student, inner_steps=2)
            learner.compile(jit_compile=False)
            learner.fit((x, Y), validation_data=(x, Y), steps_per_epoch=1, verbose=0)

    def stop(*_):
        raise Reached

    monkeypatch.setattr("tfcommentaries.hypergradients.inner_problem.from_keras", stop)
    permute = layers.Permute((3, 1, 2))
    with pytest.raises(ValueError, match=r"images \(None, 3, 16, 16\).*Permute") as e:
        learn(ExampleWeighting(teacher(1), num_classes=3), make_student(), X)
    assert len(str(e.value)) <= 400
    with pytest.raises(Reached):
        weighting = ExampleWeighting(teacher(1), num_classes=3)
        learn(weighting, make_student(permute), X.transpose(0, 2, 3, 1))
    with pytest.raises(Reached):
        learn(ExampleWeighting(teacher(1)), make_student(), X)
