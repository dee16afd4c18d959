"""Labels of files and data sets as a student takes them."""

import numpy as np

#: Labels with more values than this, and than a tenth of the examples, may be numbers.
_MANY = 50


def as_labels(path, label, column, classes=None, labels=None):
    """Makes classes, or numbers to predict, of a column.

    Args:
        path: where it is from, for errors.
        label: its name, for errors.
        column: array `(examples,)` of texts, integers or numbers.
        classes: list of the classes of other data; `None` takes those here.
        labels: `"classes"`, `"numbers"`, or `None`; see `load_file`.

    Returns:
        `(y, classes)`: int32 indices into the list `classes`, or float32 numbers and
        `None`.

    Raises:
        ValueError: if labels are missing, of several types, not in `classes`, or could
            be both.
    """
    where = f"The labels {label!r} in {path}"
    values = column.tolist()
    missing = sum(v is None or (isinstance(v, float) and v != v) for v in values)
    if missing:
        raise ValueError(
            f"{missing} of the {len(column)} labels {label!r} in {path} are missing. "
            "Leave these rows out."
        )
    decimals = column.dtype.kind == "f" and np.any(column != np.round(column))
    if labels == "numbers" or (labels is None and decimals):
        if column.dtype.kind not in "iubf" or not np.isfinite(column).all():
            raise ValueError(
                f"{where} must be finite numbers. They are {column.dtype}."
            )
        return column.astype("float32"), None
    if column.dtype.kind == "f" and not decimals and labels == "classes":
        column = column.astype("int64")
    others = {type(v) for v in values} - {str, bytes, int, bool}
    if column.dtype.kind not in "OUSiubf" or decimals:
        raise ValueError(
            f"{where} must be strings or integers. They are {column.dtype}."
        )
    if column.dtype.kind == "O" and (others or len({type(v) for v in values}) > 1):
        kinds = sorted({type(v).__name__ for v in values})
        raise ValueError(
            f"{where} must all be strings, or all integers. There are: "
            f"{', '.join(kinds)}."
        )
    if classes is None:
        classes = np.unique(column).tolist()
        many = len(classes) > max(_MANY, len(column) / 10)
        if labels is None and (many or column.dtype.kind == "f"):
            raise ValueError(
                f"{where} have {len(classes)} different values in {len(column)} "
                f"examples, of the type {column.dtype}. Are they classes, or numbers "
                "to predict? Pass labels='classes' or labels='numbers' (--labels)."
            )
    index = {name: i for i, name in enumerate(classes)}
    unknown = sorted(set(values) - set(index), key=str)
    if unknown:
        raise ValueError(
            f"{path} has labels {unknown[:5]} that the training data do not have. "
            f"Theirs are {classes[:10]}."
        )
    return np.array([index[name] for name in values], "int32"), classes
