"""What CommentaryGen reads at a time."""

import types

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2

from tfcommentaries.components.commentary_gen import splits
from tfcommentaries.saving.example_reading import ExampleReading


@pytest.fixture
def images(request):
    """A `Split` of 40 images in batches of 32 or less, its reading, and the images."""
    images = np.arange(40, dtype="uint8")[:, None, None, None] * np.ones(
        (1, 16, 16, 3), "uint8"
    )
    pngs = [tf.io.encode_png(image).numpy() for image in images]
    stored = {"image": np.array(pngs, object)[:, None], "label": np.arange(40)[:, None]}
    size = getattr(request, "param", 32)
    data = tf.data.Dataset.from_tensor_slices(stored).batch(size)
    accessor = types.SimpleNamespace(tf_dataset_factory=lambda *_: data)
    schema = schema_pb2.Schema()
    schema.feature.add(name="image", type=schema_pb2.BYTES)
    schema.feature.add(name="label", type=schema_pb2.INT)
    split = splits.Split(
        types.SimpleNamespace(data_accessor=accessor),
        ["files"],
        schema,
        ["image", "label"],
        "training",
    )
    return split, ExampleReading("image", image_shape=(16, 16, 3)), images


@pytest.mark.parametrize("alone, together", [(2**17, 5), (1, 1)])
def test_large_images_are_decoded_a_few_at_a_time(alone, together, images, monkeypatch):
    split, reading, images = images
    monkeypatch.setattr(splits, "BUFFER_BYTES", 40_000)
    monkeypatch.setattr(splits, "DECODED_BYTES", 5 * 4 * 16 * 16 * 3)
    monkeypatch.setattr(splits, "ALONE_BYTES", alone)
    counts = split.count(reading)
    batches = split.learned_from(reading, counts, 80, seed=0)
    read = list(batches.take(40 // together).as_numpy_iterator())
    assert {len(labels) for _, labels in read} == {together}
    x, y = map(np.concatenate, zip(*read))
    assert len(set(y.tolist())) > 20
    np.testing.assert_allclose(x, (images[y] / 255).astype("float32"), rtol=1e-6)
    found = [int(label) for _, label in split.examples(reading)]
    assert found == list(range(40))


@pytest.mark.parametrize("wanted, least, most", [(80, 40, 40), (2, 1, 20)])
def test_examples_that_are_small_enough_are_arrays(
    wanted, least, most, images, monkeypatch
):
    split, reading, images = images
    monkeypatch.setattr(splits, "BUFFER_EXAMPLES", 9)
    counts = split.count(reading)
    x, y = split.learned_from(reading, counts, wanted, seed=0)
    assert least <= len(set(y.tolist())) == len(y) <= most
    np.testing.assert_allclose(x, (images[y] / 255).astype("float32"), rtol=1e-6)
    assert split.learned_from(reading, counts, wanted, 0)[1].tolist() == y.tolist()
    if most < 40:
        # Of all files, and by the seed.
        assert y.min() < 32 <= y.max()
        others = split.learned_from(reading, counts, wanted, seed=1)[1]
        assert others.tolist() != y.tolist()


@pytest.mark.parametrize("images", [2], indirect=True)
def test_batches_of_which_nothing_is_drawn_are_left_out(images, monkeypatch):
    split, reading, images = images
    monkeypatch.setattr(splits, "BUFFER_EXAMPLES", 6)
    x, y = split.learned_from(reading, split.count(reading), 2, seed=0)
    assert 1 <= len(y) < 20  # Batches.
    np.testing.assert_allclose(x, (images[y] / 255).astype("float32"), rtol=1e-6)
