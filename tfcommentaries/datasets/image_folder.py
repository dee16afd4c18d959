"""Examples from a folder of images."""

import os
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.datasets.splits import Examples
from tfcommentaries.datasets.table_images import check_size, read_image
from tfcommentaries.typing import Path


def load_image_folder(
    path: Path, size: int = 32, classes: Sequence[str] | None = None
) -> tuple[Examples, list[str]]:
    """Loads images whose folders are their classes.

    Args:
        path: a folder with one folder of images (.png, .jpg, .bmp or .gif) per class.
        size: height and width, in pixels, to which all images are resized.
        classes: list of the classes of another folder; `None` takes those of this one.

    Returns:
        `(Examples, classes)`: images `(examples, size, size, 3)` from 0 to 1, and
        labels, indices into `classes`, the names of the folders, sorted.

    Raises:
        ValueError: if there are no images, an image cannot be read, the images do not
            fit into memory, or a class is not in `classes`.
    """
    return read_image_folder(path, size, classes)[:2]


def read_image_folder(path, size=32, classes=None):
    """As `load_image_folder`; gives the paths of the images too, a dict by name."""
    found = sorted(
        entry.name
        for entry in os.scandir(path)
        if entry.is_dir() and not entry.name.startswith(".")
    )
    if not found:
        raise ValueError(
            f"{path} must hold a folder of images for each class. It holds none."
        )
    unknown = sorted(set(found) - set(classes or found))
    if unknown:
        raise ValueError(
            f"{path} has folders {unknown[:5]} that the training data do not have. "
            f"Theirs are {classes[:10]}."
        )
    try:
        images = keras.utils.image_dataset_from_directory(
            path,
            class_names=found,
            image_size=(size, size),
            batch_size=256,
            shuffle=False,
            verbose=False,
        )
    except ValueError as error:
        raise ValueError(f"{path} holds no images: {error}") from error
    files = {os.path.relpath(file, path): file for file in images.file_paths}
    check_size(len(files), size, path)
    for file in files.values():
        if not os.path.isfile(file):
            raise ValueError(f"The image {file} cannot be read: it is not a file.")
    try:
        batches = list(images.as_numpy_iterator())
    except tf.errors.OpError:
        for file in files.values():
            read_image(file, f"The image {file}")
        raise
    x = np.concatenate([x for x, _ in batches]) / np.float32(255)
    y = np.concatenate([y for _, y in batches])
    classes = list(classes or found)
    index = np.array([classes.index(name) for name in found], "int32")
    return Examples(x, index[y]), classes, files
