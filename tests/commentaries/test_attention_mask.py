"""Masks over images."""

import numpy as np
import pytest
import tensorflow as tf

from tfcommentaries import AttentionMask, teachers

X = np.random.default_rng(0).uniform(size=(3, 9, 14, 2)).astype("float32")


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_unet_gives_a_half_open_mask_of_the_images_size(stride):
    masks = AttentionMask(teachers.unet((9, 14, 2), depth=2, width=4, stride=stride))
    mask = masks(X)
    assert mask.shape == (3, 9, 14, 1)
    np.testing.assert_allclose(mask, 0.5, rtol=1e-6)


def test_unet_refuses_a_stride_below_its_depth():
    with pytest.raises(ValueError, match=r"2\*\*depth = 4.*stride=8"):
        teachers.unet((16, 16, 1), depth=2, stride=8)


def test_key_points_give_round_masks_that_follow_the_image():
    network = teachers.key_points((9, 14, 2), points=2, filters=(8,))
    mask = AttentionMask(network)(X).numpy()
    assert mask.shape == (3, 9, 14, 1)
    assert mask.min() >= 0
    assert 0.5 < mask.max() <= 1
    assert sum(np.prod(w.shape) for w in network.trainable_variables) < 250


def test_a_key_point_is_where_the_heat_is():
    layer = teachers.GaussianMask((8, 8), initial_width=0.1)
    heat = np.zeros((1, 8, 8, 1), "float32")
    heat[0, 2, 6] = 50
    mask = layer(heat).numpy()[0, :, :, 0]
    assert np.unravel_index(mask.argmax(), mask.shape) == (2, 6)
    assert mask[2, 6] == pytest.approx(1, abs=1e-3)
    # One pixel is 1/8 of the image, so 1.25 standard deviations.
    assert mask[2, 5] == pytest.approx(np.exp(-(1.25**2) / 2), rel=1e-3)


@pytest.mark.parametrize("fill", ["zero", "mean", "blur"])
def test_fills_what_is_hidden(fill):
    masks = AttentionMask(fill=fill, blur_size=3)
    mask = np.zeros((3, 9, 14, 1), "float32")
    mask[:, :, 7:] = 1
    x, y, weights = masks.apply(tf.constant(mask), X, [0, 1, 2])
    assert (y, weights) == ([0, 1, 2], None)
    np.testing.assert_allclose(x[:, :, 7:], X[:, :, 7:])
    hidden = {
        "zero": np.zeros_like(X),
        "mean": np.broadcast_to(X.mean((1, 2), keepdims=True), X.shape),
        "blur": None,
    }[fill]
    if hidden is None:
        expected = X[1, 3:6, 2:5].mean((0, 1))
        np.testing.assert_allclose(x[1, 4, 3], expected, rtol=1e-5)
    else:
        np.testing.assert_allclose(x[:, :, :7], hidden[:, :, :7], rtol=1e-5)


def test_penalty_is_the_mean_area():
    masks = AttentionMask(area_penalty=0.2)
    assert float(masks.penalty(tf.fill([2, 3, 3, 1], 0.5))) == pytest.approx(0.1)


def test_refuses_what_is_not_images():
    with pytest.raises(ValueError, match=r"takes images.*\(3, 5\)"):
        AttentionMask()(np.zeros((3, 5), "float32"))
    with pytest.raises(ValueError, match="takes images"):
        AttentionMask()((X,) * 4)


def test_survives_its_config():
    masks = AttentionMask(teachers.key_points((9, 14, 2)), "blur", 5, 0.3)
    copy = AttentionMask.from_config(masks.get_config())
    assert (copy.fill, copy.blur_size, copy.area_penalty) == ("blur", 5, 0.3)
    assert copy(X).shape == (3, 9, 14, 1)
