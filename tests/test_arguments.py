"""Arguments in the wrong order, or of the wrong type, are named at once."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import make_linear

from tfcommentaries import (
    AttentionMask,
    AuxiliaryTargets,
    CommentaryCallback,
    CommentaryLearner,
    ExampleWeighting,
    FewShotLearner,
    GroupWeighting,
    LabelBlending,
    LearnCommentaryCallback,
    LossWeighting,
    SoftLabels,
    export_commentary,
    teach,
    teachers,
)

X, Y = np.zeros((40, 5), "float32"), np.arange(40) % 3
DATA = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)
GROUPS = np.repeat(["a", "b"], 20)


class OldModel:
    """What tf_keras makes is callable, has weights, and is no keras.Model."""

    __module__ = "tf_keras.src.engine.training"
    name = "old"
    weights = ()

    def __call__(self, x):
        return x


def weighting():
    return GroupWeighting(GROUPS)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: CommentaryLearner(make_linear((5,)), weighting()),
            r"a tfcommentaries.Commentary.*CommentaryLearner\(weighting, model\).*Seq",
        ),
        (
            lambda: CommentaryLearner(weighting(), weighting()),
            "A student must be a compiled keras.Model.*Received: GroupWeighting",
        ),
        (lambda: CommentaryLearner(weighting(), OldModel()), "'old' is one of Keras 2"),
        (lambda: CommentaryLearner(weighting(), OldModel), "'old' is one of Keras 2"),
        (
            lambda: CommentaryLearner(weighting(), make_linear((5,)), 100),
            "`inner_training` must be an UnrolledTraining.*Received: 100",
        ),
        (
            lambda: CommentaryCallback(weighting()).set_model(OldModel()),
            "'old' is one of Keras 2",
        ),
        (lambda: CommentaryCallback(make_linear()), "Commentary or the path.*Sequent"),
        (
            lambda: LearnCommentaryCallback((X, Y), weighting()),
            "Commentary or the path.*Received: tuple",
        ),
        (
            lambda: LearnCommentaryCallback(weighting(), X, Y),
            "needs an ImplicitTraining.*Received: ndarray",
        ),
        (
            lambda: FewShotLearner(weighting(), make_linear((5,))),
            r"FewShotLearner\(model, weighting\).*Received: Sequential",
        ),
        (
            lambda: export_commentary("path", weighting()),
            r"export_commentary\(weighting, path\).*Received: str 'path'",
        ),
        (lambda: teach((X, Y), weighting()), "a batched tf.data.Dataset.*: tuple"),
        (lambda: teach(weighting(), DATA), "a batched tf.data.Dataset.*: GroupWeigh"),
        (lambda: teach(DATA, DATA), "Commentary or the path of an exported one"),
        (
            lambda: GroupWeighting("annotator"),
            r"Give the column itself.*\['annotator'\]",
        ),
        (lambda: GroupWeighting({"by": "annotator"}), "Give the column itself"),
        (
            lambda: GroupWeighting(GROUPS, Y),
            "`num_classes` of GroupWei.*integer.*array",
        ),
        (lambda: weighting().add_groups(DATA, GROUPS), "not a data set.*data.map"),
        (lambda: weighting().add_groups(GROUPS, X), r"one name for each.*\(40, 5\)"),
        (
            lambda: ExampleWeighting("mlp"),
            "teacher of ExampleWeighting must be a Keras",
        ),
        (lambda: ExampleWeighting(teachers.mlp), "must be a Keras layer.*: function"),
        (lambda: ExampleWeighting(10), "must be a Keras layer or model.*: int 10"),
        (lambda: ExampleWeighting(num_classes="10"), "integer of at least 2.*'10'"),
        (lambda: AttentionMask("unet"), "teacher of AttentionMask must be a Keras"),
        (lambda: LossWeighting("mlp"), "teacher of LossWeighting must be a Keras"),
        (lambda: LabelBlending(make_linear()), "`num_classes` of LabelBlending must"),
        (lambda: SoftLabels(make_linear()), "`num_classes` of SoftLabels must be"),
        (lambda: AuxiliaryTargets("2"), "`num_targets` of AuxiliaryTargets must be"),
    ],
    ids=range(28),
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        call()
    assert len(str(caught.value)) < 400


def test_another_backend_is_named():
    # No other backend is installed here, so Keras says that it runs on one.
    code = (
        "import keras; keras.backend.backend = lambda: 'jax'\n"
        "from tfcommentaries import GroupWeighting"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ
    )
    assert "needs Keras on TensorFlow, but here it runs on jax. Set" in found.stderr


def test_a_class_of_students_is_a_function_that_makes_one():
    class Student(keras.Sequential):
        def __init__(self):
            super().__init__([keras.Input((5,)), keras.layers.Dense(3)])
            self.compile("sgd", "mse")

    assert CommentaryLearner(weighting(), Student).student.model.count_params() == 18
