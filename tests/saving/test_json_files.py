"""JSON is read as values of types, and what is of another type is named."""

import dataclasses
import json
import os
from typing import Any, Literal

import pytest

from tfcommentaries.saving.json_files import read, typed


@dataclasses.dataclass
class Layer:
    units: int
    activation: Literal["relu", "tanh"] = "relu"


@dataclasses.dataclass
class Settings:
    rate: float
    name: str | None = None
    layers: list[Layer] = dataclasses.field(default_factory=list)
    sizes: dict[str, int] = dataclasses.field(default_factory=dict)
    more: Any = None

    def __post_init__(self):
        if self.rate <= 0:
            raise ValueError(f"rate must be above 0, not {self.rate}")


def test_values_become_what_their_types_say(tmp_path):
    file = tmp_path / "settings.json"
    layers = [{"units": 3}, {"units": 4, "activation": "tanh"}]
    file.write_text(
        json.dumps({"rate": 1, "layers": layers, "sizes": {"a": 1}, "more": [None]})
    )
    expected = Settings(1.0, None, [Layer(3), Layer(4, "tanh")], {"a": 1}, [None])
    found = read(file, Settings)
    assert found == expected and type(found.rate) is float
    assert typed([1, 2.5], list[float | None], "it") == [1, 2.5]
    assert typed({"rate": 1, "new": 2}, Settings, "it", others=True) == Settings(1.0)


@pytest.mark.parametrize(
    "value, message",
    [
        ([], "it must be an object. Found: []"),
        ({}, "rate is missing"),
        ({"rate": True}, "rate must be a number. Found: True"),
        ({"rate": -1}, "rate must be above 0"),
        ({"rate": 10**400}, "rate must be a number"),
        ({"rate": 1, "name": 3}, "name must be a text or null. Found: 3"),
        ({"rate": 1, "rato": 3}, "there is no rato. Did you mean rate?"),
        ({"rate": 1, "layers": [{"units": 1}, 7]}, "layers[1] must be an object"),
        ({"rate": 1, "layers": [{"units": 1.0}]}, "layers[0].units must be a whole"),
        ({"rate": 1, "sizes": {"a": None}}, "sizes['a'] must be a whole number"),
        (
            {"rate": 1, "layers": [{"units": 1, "activation": "elu"}]},
            "layers[0].activation must be 'relu' or 'tanh'. Found: 'elu'",
        ),
    ],
)
def test_what_does_not_fit_is_named(value, message, tmp_path):
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(value))
    with pytest.raises(ValueError) as error:
        read(file, Settings)
    assert str(error.value).startswith(f"The file {file}: {message}")


def test_pipes_and_folders_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path, tmp_path / "pipe.json"):
        with pytest.raises(ValueError, match=f"{path} cannot be read .*not a file"):
            read(path, Settings)
