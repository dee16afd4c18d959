"""Inputs in the forms that people have them in, as arrays."""

import numpy as np

from tfcommentaries.commentaries.group_names import is_missing


def input_arrays(x):
    """Makes arrays of a structure of inputs.

    Args:
        x: arrays, tensors, pandas tables, lists of numbers, or a dict, a tuple or a
            list of such.

    Returns:
        The same structure, in which lists of numbers and tables are arrays, and lists
        of inputs tuples, which tf.data takes. Texts stay as they are.

    Raises:
        ValueError: if a column of a table holds no numbers, or arrays differ in shape.
    """
    if isinstance(x, dict):
        return {key: input_arrays(value) for key, value in x.items()}
    if isinstance(x, list | tuple) and any(getattr(one, "ndim", 0) for one in x):
        return tuple(map(input_arrays, x))
    if hasattr(x, "to_numpy"):
        return _of_table(x) if hasattr(x, "columns") else _of_objects(x.to_numpy())
    if isinstance(x, list | tuple):
        try:
            x = np.asarray(x)
        except ValueError as error:
            raise ValueError(
                "The lists differ in length. Pad them, so that all examples have one "
                "shape: `keras.utils.pad_sequences(x)`."
            ) from error
    return _of_objects(x) if isinstance(x, np.ndarray) else x


def _of_table(table):
    values = table.to_numpy()
    if values.dtype.kind in "biuf":
        return values
    columns = [_of_objects(np.asarray(table[name])) for name in table.columns]
    for name, column in zip(table.columns, columns):
        if column.dtype.kind not in "biuf":
            raise ValueError(
                f"The column {name!r} of the inputs holds texts or times, such as "
                f"{str(column[0])!r:.40}, not numbers. Make numbers of it, or leave it "
                f"out: `x.drop(columns={name!r})`."
            )
    return np.stack(columns, -1)


def _of_objects(array):
    """An array of objects as one of numbers, unless these are texts."""
    if array.dtype != object:
        return array
    values = [np.nan if is_missing(value) else value for value in array.ravel()]
    if any(isinstance(value, str | bytes) for value in values):
        return array
    shapes = sorted({np.shape(value) for value in values})
    if len(shapes) > 1:
        raise ValueError(
            f"An array of objects holds arrays of the shapes {shapes[0]} and "
            f"{shapes[-1]}. Pad or resize them, so that all examples have one shape."
        )
    if shapes and shapes[0]:
        return np.stack(values)
    numbers = np.array(values).reshape(array.shape)
    try:
        return numbers if numbers.dtype.kind in "biu" else numbers.astype("float32")
    except (TypeError, ValueError):
        return array
