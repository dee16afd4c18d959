"""Images of a column of a table."""

import os

import numpy as np
import tensorflow as tf


def read_images(column, size, folder):
    """Reads the images that a column of a table names or holds.

    Args:
        column: a `pandas.Series` of paths, of encoded images (PNG, JPEG, BMP, GIF) as
            bytes, or of dicts with `bytes` or `path`, as Hugging Face stores them.
        size: height and width, in pixels, that all images get.
        folder: where relative paths start.

    Returns:
        Images `(examples, size, size, 3)` from 0 to 1.

    Raises:
        ValueError: if an image is missing or cannot be read.
    """
    images = np.empty((len(column), size, size, 3), "float32")
    for row, value in enumerate(column):
        where = f"The image of row {row} in the column {column.name!r}"
        if isinstance(value, dict):
            value = value.get("bytes") or value.get("path")
        if isinstance(value, str):
            where += f", {value},"
            try:
                value = tf.io.read_file(os.path.join(folder, value))
            except tf.errors.OpError as error:
                raise ValueError(f"{where} cannot be read: {error.message}") from error
        elif not isinstance(value, bytes):
            raise ValueError(f"{where} must be a path or bytes. It is {value!r:.80}.")
        try:
            image = tf.io.decode_image(value, 3, expand_animations=False)
        except tf.errors.OpError as error:
            raise ValueError(f"{where} is no image: {error.message}") from error
        images[row] = tf.image.resize(image, (size, size)) / 255
    return images
