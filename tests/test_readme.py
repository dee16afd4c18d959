"""The README's code runs as written, and does what it promises."""

import pathlib
import re

import keras
import numpy as np

README = pathlib.Path(__file__).parents[1] / "README.md"


def test_the_first_code_block_runs_and_teaches(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    names = {}
    exec(compile(code, README.name, "exec"), names)
    data, model = names["data"], names["model"]
    taught = model.evaluate(*data.test, verbose=0, return_dict=True)["accuracy"]
    plain = keras.models.clone_model(model)
    plain.compile(keras.optimizers.Adam(3e-3), names["loss"], metrics=["accuracy"])
    plain.fit(data.train.x, names["noisy"], epochs=10, verbose=0)
    untaught = plain.evaluate(*data.test, verbose=0, return_dict=True)["accuracy"]
    assert taught > untaught + 0.05
    assert np.isfinite(taught)


def test_files_that_are_named_exist():
    for path in re.findall(r"\]\(((?!http)[^)]+)\)", README.read_text()):
        assert (README.parent / path).exists(), path
