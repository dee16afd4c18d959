"""The README's code runs as written, and does what it promises."""

import pathlib
import re

import keras

from tfcommentaries import datasets, students

README = pathlib.Path(__file__).parents[1] / "README.md"


def test_the_first_code_block_runs_and_teaches(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    digits = datasets.load_digits(validation_size=50)
    (x, y), source, faults = datasets.spoil_sources(digits.train, num_classes=10)
    model = students.cbr((8, 8, 1), num_classes=10)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    names = dict(x=x, y=y, source=source, checked=digits.validation, model=model)
    exec(compile(code, README.name, "exec"), names)
    printed = capsys.readouterr().out
    assert printed.count("trust") == 3 and printed.count("drop") > 4
    good = {name for name, fault in faults.items() if fault == "nothing"}
    assert set(names["weighting"].table().trusted()) == good
    lines = [line for line in code.splitlines() if line]
    assert len(lines) <= 10 and len(README.read_text().split()) <= 600
    x, y = digits.test
    # Without the weights it is about 0.6.
    assert (model.predict(x, verbose=0).argmax(-1) == y).mean() > 0.85


def test_files_that_are_named_exist():
    for path in re.findall(r"\]\(((?!http)[^)]+)\)", README.read_text()):
        assert (README.parent / path).exists(), path
