"""Exported commentaries of tables take raw columns."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from saving.test_export import random_weights

from tfcommentaries import ExampleWeighting, export_commentary
from tfcommentaries.datasets import TableEncoding


@pytest.fixture
def weighting(vectors):
    x, y = vectors
    weighting = ExampleWeighting(num_classes=3, curriculum=True)
    weighting(x, y=y, progress=0.0)
    return random_weights(weighting)


def test_columns_of_any_name_are_served(weighting, tmp_path, vectors):
    x, y = vectors
    table = pd.DataFrame(x, columns=["y", "a b", "a_b", "_größe", "A_b"])
    model = TableEncoding(table).model()
    export_commentary(weighting, tmp_path / "it", columns=model)
    annotate = tf.saved_model.load(tmp_path / "it").signatures["annotate_columns"]
    names = "y_", "a_b", "a_b_", "column_gr__e", "A_b__"
    found = annotate(
        y=tf.constant(y),
        progress=tf.zeros([12]),
        **{name: tf.constant(x[:, i : i + 1]) for i, name in enumerate(names)},
    )
    expected = weighting(x, y=y, progress=0.0)
    np.testing.assert_allclose(found["annotation"], expected, rtol=1e-6)


def test_no_text_is_reserved():
    table = pd.DataFrame({"a": ["[UNK]", "", "b", "[MASK]"], "b": [1.0, 2.0, 3.0, 4.0]})
    encoding = TableEncoding(table)
    served = encoding.model()(
        {
            "a": tf.constant([["[UNK]"], [""], ["b"], ["[MASK]"], ["else"]]),
            "b": tf.constant([[1.0], [2.0], [3.0], [4.0], [5.0]]),
        }
    )
    np.testing.assert_array_equal(served[:4], encoding(table))
    np.testing.assert_array_equal(served[:4, :4], np.eye(4)[[2, 0, 3, 1]])
    np.testing.assert_array_equal(served[4], [0, 0, 0, 0, 5])


def test_columns_beside_a_dict_of_inputs_are_refused(tmp_path, vectors):
    x, y = vectors
    weighting = ExampleWeighting(teacher_key="x", student_key="x", num_classes=3)
    weighting({"x": x}, y=y)
    model = TableEncoding(pd.DataFrame(x)).model()
    with pytest.raises(ValueError, match=r"of one input, but this one takes \['x'\]"):
        export_commentary(weighting, tmp_path / "it", columns=model)


def test_columns_named_as_what_is_kept_are_refused(weighting, tmp_path):
    y = keras.Input((5,), name="y")
    model = keras.Model({"y": y}, keras.layers.Dropout(0.1)(y))
    with pytest.raises(ValueError, match=r"columns \['y'\] are named like"):
        export_commentary(weighting, tmp_path / "it", columns=model)
