"""The students of the paper have the published sizes."""

import numpy as np
import pytest

from tfcommentaries import students


@pytest.mark.parametrize(
    ("make", "parameters"),
    [
        # He et al.'s CIFAR form as in the well-known PyTorch reimplementation,
        # identity shortcuts replaced by 1x1 convolutions where sizes change.
        (students.resnet18, 11_173_962),
        (students.resnet34, 21_282_122),
    ],
)
def test_resnets_have_the_published_number_of_weights(make, parameters):
    model = make((32, 32, 3), 10)
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == parameters


@pytest.mark.parametrize("make", [students.cbr, students.few_shot_net])
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3), (84, 84, 3)])
def test_small_students_take_any_image_size(make, shape):
    outputs = make(shape, 7)(np.zeros((2, *shape), "float32"))
    assert outputs.shape == (2, 7)
