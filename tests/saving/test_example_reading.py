"""How tf.Examples are read: a missing value never becomes 0."""

import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries.saving.example_reading import ExampleReading

#: Rows of a feature with 2 numbers, of a string, and the label; `None` is missing.
ROWS = [
    ([1.5, 2.0], "red", 1),
    ([0.0, 0.0], "blue", 0),
    ([3.0], "red", 2),  # One of two numbers.
    ([np.nan, 1.0], "red", 1),
    ([4.0, np.inf], "red", 1),
    ([5.0, 6.0], None, 1),
    ([5.0, 6.0], "", 1),
    ([7.0, 8.0], "green", 1),  # Not in the vocabulary.
    ([9.0, 9.0], "blue", None),
    (None, "blue", 0),
]
COLUMNS = {
    "size": {"size": 2},
    "colour": {"dtype": "string", "vocabulary": ["blue", "red"]},
}


def example(size, colour, label):
    feature = {}
    if size is not None:
        feature["size"] = tf.train.Feature(float_list={"value": size})
    if colour is not None:
        feature["colour"] = tf.train.Feature(bytes_list={"value": [colour.encode()]})
    if label is not None:
        feature["label"] = tf.train.Feature(int64_list={"value": [label]})
    features = tf.train.Features(feature=feature)
    return tf.train.Example(features=features).SerializeToString()


def reading_of(**columns):
    columns = {name: {**COLUMNS.get(name, {}), **c} for name, c in columns.items()}
    columns = {**COLUMNS, **columns}
    return ExampleReading(["size", "colour"], columns=columns, num_classes=3)


def parse(reading, form):
    """Features of `ROWS` as a reader of files gives them."""
    types = {"size": tf.float32, "colour": tf.string, "label": tf.int64}
    of_form = {
        "sparse": tf.io.VarLenFeature,
        "ragged": lambda dtype: tf.io.RaggedFeature(dtype),
    }
    specs = {
        name: reading.column(name).parsing_spec()
        if form == "dense"
        else of_form[form](dtype)
        for name, dtype in types.items()
    }
    return tf.io.parse_example([example(*row) for row in ROWS], specs)


def read(reading, form):
    """`(complete, x, y)`, inputs and labels of those that are complete."""
    dense = reading.dense(parse(reading, form))
    complete = reading.complete(dense)
    kept = {name: tf.boolean_mask(v, complete) for name, v in dense.items()}
    return complete.numpy(), *(part.numpy() for part in reading.read(kept))


FORMS = pytest.mark.parametrize("form", ["dense", "sparse", "ragged"])


@FORMS
def test_an_example_that_lacks_a_value_is_not_read(form):
    complete, x, y = read(reading_of(), form)
    assert complete.tolist() == [True, True, *[False] * 5, True, False, False]
    # Two numbers, then whether it is blue, and red: green is neither.
    expected = [[1.5, 2, 0, 1], [0, 0, 1, 0], [7, 8, 0, 0]]
    np.testing.assert_array_equal(x, expected)
    np.testing.assert_array_equal(y, [1, 0, 1])
    assert x.dtype == "float32" and y.dtype == "int64"


@FORMS
def test_fill_values_stand_for_what_is_missing_and_nothing_else(form):
    reading = reading_of(size={"fill_value": -1.0}, colour={"fill_value": "blue"})
    complete, x, _ = read(reading, form)
    assert complete.tolist() == [row[2] is not None for row in ROWS]
    np.testing.assert_array_equal(x[2], [3, -1, 0, 1])
    np.testing.assert_array_equal(x[3], [-1, 1, 0, 1])
    np.testing.assert_array_equal(x[4], [4, -1, 0, 1])
    np.testing.assert_array_equal(x[5], [5, 6, 1, 0])
    np.testing.assert_array_equal(x[6], [5, 6, 1, 0])
    np.testing.assert_array_equal(x[8], [-1, -1, 1, 0])
    np.testing.assert_array_equal(x[[0, 1]], [[1.5, 2, 0, 1], [0, 0, 1, 0]])


def test_more_values_than_an_example_has_are_an_error():
    reading = ExampleReading("size", columns={"size": {"size": 1}}, label=None)
    features = {"size": tf.constant([[1.0, 2.0]])}
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"must have 1 value\(s\)"):
        reading.dense(features)


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_out_of_range_are_an_error(label):
    reading = ExampleReading("size", num_classes=3)
    dense = {"size": tf.constant([[1.0]]), "label": tf.constant([[label]], tf.int64)}
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be from 0 to 2"):
        reading.read(dense)


def test_a_label_between_classes_is_an_error():
    reading = ExampleReading(
        "size", num_classes=3, columns={"label": {"dtype": "float32"}}
    )
    for label, right in ((1.0, True), (1.5, False)):
        dense = {"size": tf.constant([[1.0]]), "label": tf.constant([[label]])}
        if right:
            assert reading.read(dense)[1].numpy() == [1]
            continue
        with pytest.raises(tf.errors.InvalidArgumentError, match="must be from 0 to 2"):
            reading.read(dense)


def test_images_are_read_from_0_to_1_and_of_one_size():
    image = np.random.default_rng(0).integers(0, 256, (4, 5, 3), "uint8")
    png = tf.io.encode_png(image)[None]
    reading = ExampleReading("image", image_shape=(4, 5, 3), label=None)
    x, y = reading.read(reading.dense({"image": png}))
    np.testing.assert_allclose(x[0], image / np.float32(255), rtol=1e-6)
    assert y is None
    other = ExampleReading("image", image_shape=(5, 4, 3), label=None)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Images must be of shape"):
        other.read(other.dense({"image": png}))


def test_a_feature_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"no feature \['size'\]; they have \['far'\]"):
        ExampleReading("size", label=None).dense({"far": tf.constant([[1.0]])})
