"""Data sets of TensorFlow Datasets: images, or tables of numbers and texts."""

import difflib
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from absl import logging

from tfcommentaries.datasets.label_values import as_labels
from tfcommentaries.datasets.splits import Examples, Splits, split
from tfcommentaries.datasets.table_encoding import MOST_CATEGORIES, TableEncoding

#: The part of the training examples that become test examples, if there are no others.
_TEST = 0.2


class TfdsData(NamedTuple):
    """The contents of a data set of TFDS.

    Attributes:
        splits: `Splits`; validation and test examples have the true labels.
        true_labels: true labels of the training examples, `(examples,)`.
        groups: source of each training example, or `None`.
        encoding: `TableEncoding` of features that are not images, or `None`.
    """

    splits: Splits
    true_labels: np.ndarray
    groups: np.ndarray | None
    encoding: TableEncoding | None


def load_tfds(
    name: str,
    data_dir: str | None = None,
    train_size: int | None = None,
    validation_size: int = 5000,
    test_size: int | None = None,
    seed: int = 0,
    download: bool = False,
    label: str = "label",
) -> Splits:
    """Loads a data set by its TFDS name; see `read_tfds`.

    Returns:
        `Splits`.
    """
    return read_tfds(
        name, data_dir, train_size, validation_size, test_size, seed, download, label
    ).splits


def read_tfds(
    name: str,
    data_dir: str | None = None,
    train_size: int | None = None,
    validation_size: int = 5000,
    test_size: int | None = None,
    seed: int = 0,
    download: bool = False,
    label: str | None = None,
    true_label: str | None = None,
    group: str | None = None,
    image: str | None = None,
    labels: str | None = None,
    encoding: TableEncoding | None = None,
) -> TfdsData:
    """Reads a data set by its TFDS name.

    Validation examples come from the `train` split. Test examples come from the `test`
    split or, if there is none, from `train`.

    Images are the inputs if there are any. Otherwise all features that are not named
    are columns of a table: numbers, vectors of numbers, classes and texts. A warning
    names features that are left out: texts with more than 50 values, and other types.

    Args:
        name: TFDS name, such as `"mnist"` or `"cifar10:3.*.*"`.
        data_dir: TFDS data directory; `None` means TFDS's own default.
        train_size: number of training examples; `None` takes all that remain.
        validation_size: number of validation examples.
        test_size: number of test examples; `None` takes all, or a fifth of `train`.
        seed: seed of the split.
        download: whether TFDS may download and prepare the data set.
        label: name of the feature with the training labels; `None` is `"label"`.
        true_label: name of the feature with the labels of validation and test examples,
            if training labels may be wrong; `None` is `label`.
        group: name of the feature with the source of each example.
        image: name of the feature with images; `None` takes `"image"` if there is one.
        labels: `"classes"`, `"numbers"`, or `None`; see `load_file`.
        encoding: `TableEncoding` of other examples of these features; `None` learns one
            from the training examples.

    Returns:
        `TfdsData`.

    Raises:
        FileNotFoundError: if the data set is not in `data_dir`.
        ValueError: if a feature is missing, of the wrong kind or named for two
            purposes, labels are missing, there are too few examples, or images differ
            in size.
    """
    builder = _builder(name, data_dir)
    label = label or "label"
    names = {"label": label, "true_label": true_label or label, "group": group}
    found = _features(builder.info.features)
    if image is None and "image" in found:
        image = "image"
    for one in dict.fromkeys(n for n in (*names.values(), image) if n is not None):
        if one not in found:
            near = difflib.get_close_matches(one, found, 1)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"{name} has no feature {one!r:.80}.{meant} It has {sorted(found)}"
            )
    if group in (label, true_label, image) and group is not None:
        raise ValueError(f"The feature {group!r} of {name} is named for two purposes.")
    _prepare(builder, download)
    train = _read(builder, "train", image)
    y, classes = _labels(name, names["true_label"], found, train, None, labels)
    given = y
    if names["true_label"] != label:
        given, _ = _labels(name, label, found, train, classes, labels)
    index = np.arange(len(y))
    has_test = "test" in builder.info.splits
    of_train = 0 if has_test else test_size or round(_TEST * len(y))
    if train_size is not None:
        taken = train_size + validation_size + of_train
        index = _some(name, "train", len(y), taken, seed)
    parts = split(Examples(index, y[index]), validation_size, of_train, seed)
    index, checked, tested = (part.x for part in parts)
    test = train
    if has_test:
        test = _read(builder, "test", image)
        number = len(test[label])
        tested = np.arange(number)
        if test_size is not None:
            tested = _some(name, "test", number, test_size, seed)
    y_test, _ = _labels(name, names["true_label"], found, test, classes, labels, tested)
    if image is not None:
        x = _images(name, image, train)
        x_test = _images(name, image, test)
        if x.shape[1:] != x_test.shape[1:]:
            raise _no_images(name, image)
        inputs = [_scaled(x[index]), _scaled(x[checked]), _scaled(x_test[tested])]
    else:
        columns = _columns(name, found, train, {*names.values()})
        table = _table(columns, train)
        of_test = table if test is train else _table(columns, test)
        tables = [table.iloc[index], table.iloc[checked], of_test.iloc[tested]]
        encoding = encoding or TableEncoding(_describing(name, tables[0]))
        inputs = [encoding(part) for part in tables]
    three = [*map(Examples, inputs, (given[index], y[checked], y_test))]
    number = None if classes is None else len(classes)
    groups = None if group is None else _texts(found[group], train[group][index])
    if groups is not None and groups.ndim != 1:
        raise ValueError(
            f"The feature {group!r} of {name} must have one value for each example. "
            f"Its shape is {groups.shape}."
        )
    splits = Splits(three[0], three[1], three[2], number, builder.name)
    return TfdsData(splits, y[index], groups, encoding)


def _builder(name, data_dir):
    # An extra, and slow to import.
    import tensorflow_datasets as tfds

    try:
        return tfds.builder(name, data_dir=data_dir)
    except (tfds.core.DatasetNotFoundError, ValueError) as error:
        near = difflib.get_close_matches(
            name[:80], [*tfds.list_builders(), "digits"], 3, 0.5
        )
        meant = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise FileNotFoundError(
            f"There is no file or TFDS data set {name!r:.80}.{meant} A folder of "
            "images has a slash in its name, such as ./images."
        ) from error


def _prepare(builder, download):
    if download:
        builder.download_and_prepare()
    if "train" not in builder.info.splits:
        raise FileNotFoundError(
            f"{builder.name} has no prepared split 'train' in {builder.data_dir}. It "
            f"has {sorted(builder.info.splits)}. Pass the right `data_dir`, or "
            "`download=True` to let TFDS fetch it."
        )


def _features(features, prefix=""):
    """Features by name; those of a feature that holds others are `outer/inner`."""
    found = {}
    for name, feature in (features or {}).items():
        if hasattr(feature, "items"):
            found |= _features(feature, f"{prefix}{name}/")
        else:
            found[prefix + name] = feature
    return found


def _read(builder, split, image):
    """All examples of a split as arrays by name; `None` where lengths differ."""
    number = builder.info.splits[split].num_examples
    if not number:
        raise ValueError(f"{builder.name} has no examples in its {split} split.")
    data = builder.as_dataset(split=split).map(_flat)
    # TFDS's own batches fill whatever is smaller with zeros.
    spec = data.element_spec.get(image)
    if isinstance(spec, tf.TensorSpec) and not spec.shape.is_fully_defined():
        first = next(iter(data))[image].shape
        data = data.map(lambda one: {**one, image: tf.ensure_shape(one[image], first)})
    try:
        found = data.ragged_batch(number).get_single_element()
    except tf.errors.InvalidArgumentError as error:
        if "is not compatible with expected shape" in error.message:
            raise _no_images(builder.name, image) from error
        raise
    return {name: _array(part) for name, part in found.items()}


def _flat(parts, prefix=""):
    """Features by name, as `_features` names them."""
    found = {}
    for name, part in parts.items():
        if isinstance(part, dict):
            found |= _flat(part, f"{prefix}{name}/")
        else:
            found[prefix + name] = part
    return found


def _array(part):
    """A feature of all examples, or `None` if it is no array, and is not used."""
    if hasattr(part, "row_splits"):
        lengths = part.bounding_shape(out_type=tf.int32)
        alike = tf.size(part) == tf.reduce_prod(lengths)
        return part.to_tensor().numpy() if alike else None
    is_tensor = hasattr(part, "numpy") and part.shape.rank is not None
    return part.numpy() if is_tensor else None


def _some(name, part, number, size, seed):
    """Places of `size` examples, at random."""
    if size > number:
        raise ValueError(
            f"{name} has {number} examples in its {part} split, but {size} are asked "
            "for. Choose smaller sizes."
        )
    return np.random.default_rng(seed).permutation(number)[:size]


def _labels(name, label, found, data, classes, labels, places=slice(None)):
    """Labels and classes, a list or `None`, of a feature."""
    column = data[label]
    if column is None or column.ndim != 1:
        raise ValueError(
            f"The feature {label!r} of {name} must have one label for each example."
        )
    column, names = column[places], getattr(found[label], "names", None)
    if column.dtype == object:
        column = _texts(found[label], column)
    if names is None or labels == "numbers":
        return as_labels(name, label, column, classes, labels)
    missing = int((column < 0).sum())
    if missing:
        raise ValueError(
            f"{missing} of {len(column)} examples of {name} have no {label!r}. Where "
            "only training examples have it, name the feature with the right labels, "
            "which validation and test examples get, with `true_label` "
            "(--true_label_column)."
        )
    if classes is not None and len(classes) != len(names):
        raise ValueError(
            f"The feature {label!r} of {name} has {len(names)} classes, but the other "
            f"labels have {len(classes)}."
        )
    return column.astype("int32"), list(names)


def _texts(feature, values):
    """Names of classes in place of their integers, and texts in place of bytes."""
    names = getattr(feature, "names", None)
    if names is not None:
        # Missing ones are below 0.
        return np.array([None, *names], object)[values.clip(-1) + 1]
    if values.dtype == object:
        found = [value.decode("utf-8", "replace") for value in values.ravel()]
        return np.array(found, object).reshape(values.shape)
    return values


def _images(name, image, data):
    images = data[image]
    if images is None or images.ndim != 4:
        raise _no_images(name, image)
    return images


def _no_images(name, image):
    return ValueError(
        f"The feature {image!r} of {name} does not hold images of one size. Resize "
        "them, and use your own data."
    )


def _scaled(images):
    return images.astype("float32") / 255


def _columns(name, found, data, named):
    """Those of the features that are not named and can be columns."""
    kept = {}
    for one in sorted({*found} - named):
        values = data[one]
        texts = values is not None and values.dtype == object
        if values is None or values.ndim > 2 - texts:
            logging.warning("%s: the feature %r is left out, as no column", name, one)
        else:
            kept[one] = found[one]
    return kept


def _table(features, data):
    """A `pandas.DataFrame` of features; of a vector each number is a column."""
    # An extra.
    import pandas

    columns = {}
    for one, feature in features.items():
        values = data[one]
        if values.ndim == 2:
            columns |= {f"{one}[{i}]": part for i, part in enumerate(values.T)}
        else:
            columns[one] = _texts(feature, values)
    return pandas.DataFrame(columns)


def _describing(name, table):
    """The columns of a table that are not texts of which nearly all differ."""
    kept = []
    for column in table.columns:
        values = table[column]
        if values.dtype.kind == "O" and values.nunique() > MOST_CATEGORIES:
            logging.warning(
                "%s: the feature %r is left out, as more than %d of its texts differ",
                name,
                column,
                MOST_CATEGORIES,
            )
        else:
            kept.append(column)
    if not kept:
        raise ValueError(f"{name} has no feature that a student could learn from.")
    return table[kept]
