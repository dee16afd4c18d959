"""Images of files, and of a column of a table."""

import os

import numpy as np
import tensorflow as tf

from tfcommentaries.datasets.memory import check_fits


def read_images(column, size, folder):
    """Reads the images that a column of a table names or holds.

    Args:
        column: a `pandas.Series` of paths, of encoded images (PNG, JPEG, BMP, GIF) as
            bytes, or of dicts with `bytes` or `path`, as Hugging Face stores them.
        size: height and width, in pixels, that all images get.
        folder: where relative paths start.

    Returns:
        `(images, files)`: images `(examples, size, size, 3)` from 0 to 1, and a dict
        from the paths in the column to those of the files.

    Raises:
        ValueError: if an image is missing or cannot be read, or all of them do not fit
            into memory.
    """
    check_size(len(column), size, f"the column {column.name!r}")
    images = np.empty((len(column), size, size, 3), "float32")
    files = {}
    for row, value in enumerate(column):
        where = f"The image of row {row} in the column {column.name!r}"
        if isinstance(value, dict):
            value = value.get("bytes") or value.get("path")
        if isinstance(value, str):
            where += f", {value},"
            files[value] = os.path.join(folder, value)
            image = read_image(files[value], where)
        elif isinstance(value, bytes):
            image = _decode(value, where)
        else:
            raise ValueError(f"{where} must be a path or bytes. It is {value!r:.80}.")
        images[row] = tf.image.resize(image, (size, size)) / 255
    return images, files


def read_image(path, where):
    """Reads an image with three channels.

    Args:
        path: of the file.
        where: what to call it in errors.

    Returns:
        A uint8 tensor `(height, width, 3)`.

    Raises:
        ValueError: if it cannot be read.
    """
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            raise ValueError(f"{where} cannot be read: it is not a file.")
        return _decode(tf.io.read_file(path), where)
    except tf.errors.OpError as error:
        raise ValueError(f"{where} cannot be read: {error.message:.200}") from error


def check_size(count, size, where):
    """Raises a `ValueError` if so many images of a height and width are too large."""
    check_fits(
        # Batches, and all of them in one.
        2 * 12 * count * size**2,
        f"{count} images of {size} x {size} pixels from {where}",
        "Choose a smaller image_size, or fewer images.",
    )


def _decode(value, where):
    try:
        return tf.io.decode_image(value, 3, expand_animations=False)
    except tf.errors.OpError as error:
        raise ValueError(f"{where} is no image: {error.message:.200}") from error
