"""A column that says yes or no."""

import numpy as np

#: How tables write truth values, in small letters.
_KNOWN = {
    "0": False,
    "0.0": False,
    "false": False,
    "1": True,
    "1.0": True,
    "true": True,
}


def truth_values(column, where):
    """Reads a column of 0 and 1, or of true and false.

    Args:
        column: array of numbers, booleans or texts, `(examples,)`.
        where: what to call it in errors.

    Returns:
        Booleans, `(examples,)`.

    Raises:
        ValueError: if there is anything else.
    """
    if column.dtype.kind == "S":
        column = np.char.decode(column, "utf-8", "replace")
    column = column.tolist()
    for row, value in enumerate(column):
        if str(value).strip().lower() not in _KNOWN:
            raise ValueError(
                f"{where} must be 0 or 1, or true or false, everywhere. Row {row} of "
                f"its {len(column)} has {value!r:.80}."
            )
    return np.array([_KNOWN[str(value).strip().lower()] for value in column])
