"""Image classification data sets of TensorFlow Datasets."""

import difflib

import numpy as np

from tfcommentaries.datasets.splits import Examples, Splits, split


def load_tfds(
    name: str,
    data_dir: str | None = None,
    train_size: int | None = None,
    validation_size: int = 5000,
    test_size: int | None = None,
    seed: int = 0,
    download: bool = False,
) -> Splits:
    """Loads an image classification data set by its TFDS name.

    The test set is the data set's own `test` split; validation examples are
    taken out of its `train` split.

    Args:
        name: TFDS name, such as `"mnist"` or `"cifar10:3.*.*"`.
        data_dir: TFDS data directory; `None` means TFDS's own default.
        train_size: number of training examples; `None` takes all that remain.
        validation_size: number of validation examples.
        test_size: number of test examples; `None` takes all.
        seed: seed of the split.
        download: whether TFDS may download and prepare the data set.

    Returns:
        `Splits`.

    Raises:
        FileNotFoundError: if the data set is not in `data_dir`.
        ValueError: if it is not an image classification data set with `train`
            and `test` splits, or its images differ in size.
    """
    # An extra, and slow to import.
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except (tfds.core.DatasetNotFoundError, ValueError) as error:
        near = difflib.get_close_matches(
            name[:80], [*tfds.list_builders(), "digits"], 3, 0.5
        )
        meant = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise FileNotFoundError(
            f"There is no file or TFDS data set {name!r:.80}.{meant} A folder of "
            "images has a slash in its name, such as ./images."
        ) from error
    features = builder.info.features
    if not {"image", "label"} <= set(features or ()):
        raise ValueError(
            f"{name} is not an image classification data set: it needs the features "
            f"'image' and 'label'. It has {sorted(features or ())}"
        )
    if download:
        builder.download_and_prepare()
    if not {"train", "test"} <= set(builder.info.splits):
        raise FileNotFoundError(
            f"{name} has no prepared splits 'train' and 'test' in "
            f"{builder.data_dir}. It has {sorted(builder.info.splits)}. Pass the "
            "right `data_dir`, or `download=True` to let TFDS fetch it."
        )
    taken = None if train_size is None else train_size + validation_size
    both = _read(builder, "train", taken, seed)
    train, validation, _ = split(both, validation_size, 0, seed)
    test = _read(builder, "test", test_size, seed)
    return Splits(train, validation, test, features["label"].num_classes, builder.name)


def _read(builder, name, size, seed):
    dataset = builder.as_dataset(split=name, batch_size=-1)
    images, labels = np.asarray(dataset["image"]), np.asarray(dataset["label"])
    if images.dtype == object or images.ndim != 4:
        raise ValueError(
            f"The images of {builder.name} differ in size. Resize them to one size "
            "and use your own data."
        )
    if size is not None:
        if size > len(labels):
            raise ValueError(
                f"{builder.name} has {len(labels)} examples in its {name} split, but "
                f"{size} are asked for. Choose smaller sizes."
            )
        index = np.random.default_rng(seed).permutation(len(labels))[:size]
        images, labels = images[index], labels[index]
    return Examples(images.astype(np.float32) / 255, labels.astype(np.int32))
