"""Whatever happens to a file: it is read, or refused in a sentence that names it."""

import io
import os

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings, strategies as st

from tfcommentaries.datasets import load_file

MANY = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def contents():
    """What is written as a whole file, by the ending of its name."""
    table = pd.DataFrame(
        {
            "a": [1.5, None, 3, 4] * 4,
            "text": ["x", "y", None, "x,\n"] * 4,
            "site": [1, 2, 3, 4] * 4,
            "label": ["cat", "dog", "cat", "dog"] * 4,
        }
    )
    arrays, parquet = io.BytesIO(), io.BytesIO()
    label, site = table["label"].to_numpy(str), table["site"].to_numpy()
    np.savez_compressed(arrays, x=np.ones((16, 3)), label=label, site=site)
    table.to_parquet(parquet)
    image = np.random.default_rng(0).integers(0, 255, (9, 9, 3)).astype("uint8")
    return {
        "csv": table.to_csv(index=False).encode(),
        "npz": arrays.getvalue(),
        "parquet": parquet.getvalue(),
        "jpg": tf.io.encode_jpeg(image).numpy(),
        "png": tf.io.encode_png(image).numpy(),
    }


CONTENTS = contents()


@st.composite
def damaged(draw, content):
    """A file of which something was cut, changed or put in."""
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(content)))
        size = draw(st.integers(0, 20) | st.just(len(content)))
        new = draw(st.binary(max_size=8) | st.sampled_from([b"\n", b",", b'"', b"\0"]))
        content = content[:place] + new + content[place + size :]
    return content


def read_or_refuse(path, **options):
    try:
        (x, y), classes, *_ = load_file(str(path), **options)
    except ValueError as error:
        text = str(error)
        assert str(path) in text and "\n" not in text and len(text) <= 450, text
        return
    assert np.isfinite(x).all() and len(x) == len(y) > 0 and x.ndim > 1
    assert classes is None or set(y.tolist()) <= set(range(len(classes)))


@pytest.mark.parametrize("ending", ["csv", "npz", "parquet"])
@MANY
@given(data=st.data())
def test_tables_and_arrays(tmp_path, ending, data):
    path = tmp_path / f"it.{ending}"
    path.write_bytes(data.draw(damaged(CONTENTS[ending])))
    options = {"label": "label", "columns": ["site"]}
    read_or_refuse(path, **options)
    read_or_refuse(path, labels="numbers", **options)


@MANY
@given(
    st.text(alphabet="a1.,\"\n\r ;\t'-eé", max_size=60),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
)
def test_tables_that_people_write(tmp_path, text, encoding):
    path = tmp_path / "it.csv"
    path.write_bytes(f"label,a,site\n{text}".encode(encoding, "replace"))
    read_or_refuse(path, columns=["site"])
    path.write_bytes(text.encode(encoding, "replace"))
    read_or_refuse(path, columns=["a"], label="1")


@pytest.mark.parametrize("ending", ["jpg", "png"])
@settings(MANY, max_examples=25)
@given(data=st.data())
def test_images(tmp_path, ending, data):
    folder = tmp_path / "images"
    os.makedirs(folder / "a", exist_ok=True)
    for number, content in enumerate(
        (CONTENTS[ending], data.draw(damaged(CONTENTS[ending])))
    ):
        (folder / "a" / f"{number}.{ending}").write_bytes(content)
    read_or_refuse(folder, image_size=4)
    table = tmp_path / "it.csv"
    table.write_text(f"image,label\nimages/a/1.{ending},0\n")
    read_or_refuse(table, image="image", image_size=4)
