"""The loss and metrics that a model and its labels need."""

import keras
import pytest

from tfcommentaries.students.outputs import gives_probabilities, loss_for, metrics_for


def model(*layers, units=3, **kwargs):
    return keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(units, **kwargs), *layers]
    )


class Subclass(keras.Model):
    def call(self, x):
        return x


@pytest.mark.parametrize(
    "make, expected",
    [
        (lambda: model(), False),
        (lambda: model(activation="relu"), False),
        (lambda: model(activation="softmax"), True),
        (lambda: model(activation=keras.ops.softmax), True),
        (lambda: model(activation="sigmoid"), True),
        (lambda: model(keras.layers.Softmax()), True),
        (lambda: model(keras.layers.Activation("softmax")), True),
        (lambda: model(model(activation="softmax", units=2), units=2), True),
        (lambda: model(keras.layers.Softmax(), keras.layers.Rescaling(9.0)), False),
        (
            lambda: keras.Model(
                (x := keras.Input((2,))), keras.ops.softmax(keras.layers.Dense(3)(x))
            ),
            True,
        ),
        (Subclass, None),
    ],
)
def test_how_a_model_ends(make, expected):
    assert gives_probabilities(make()) is expected


@pytest.mark.parametrize(
    "labels, options, loss, logits",
    [
        ("classes", {}, keras.losses.SparseCategoricalCrossentropy, True),
        (
            "distributions",
            {"activation": "softmax"},
            keras.losses.CategoricalCrossentropy,
            False,
        ),
        ("classes", {"units": 1}, keras.losses.BinaryCrossentropy, True),
        (
            "classes",
            {"units": 1, "activation": "sigmoid"},
            keras.losses.BinaryCrossentropy,
            False,
        ),
    ],
)
def test_losses_of_classes(labels, options, loss, logits):
    found = loss_for(model(**options), labels)
    assert type(found) is loss and found.from_logits == logits


def test_numbers_have_an_error():
    assert isinstance(
        loss_for(model(units=1), "numbers"), keras.losses.MeanSquaredError
    )
    assert metrics_for(model(units=1), "numbers") == ["mae"]


@pytest.mark.parametrize("activation", [None, "sigmoid"])
def test_metrics_of_one_output(activation):
    """A right answer counts as such, whether a logit or a probability says it."""
    made = model(units=1, activation=activation)
    for metric in metrics_for(made, "classes"):
        outputs = [[0.4], [-0.4]] if activation is None else [[0.9], [0.4]]
        metric.update_state([1, 0], outputs)
        assert float(metric.result()) == pytest.approx(1.0)
