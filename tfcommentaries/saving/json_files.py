"""JSON files that others may have written, read with checks."""

import json
import os

import tensorflow as tf

_WORDS = {
    bool: "true or false",
    dict: "an object",
    int: "a whole number",
    list: "a list",
    str: "a text",
}


def read_json(path, required, optional=None):
    """Reads an object from a JSON file.

    Args:
        path: file.
        required: dict from keys that it must have to their types.
        optional: dict from keys that it may have to their types. Others are kept as
            they are.

    Returns:
        A dict.

    Raises:
        ValueError: if the file cannot be read or holds anything else; it names the
            file.
    """
    path = os.fspath(path)
    try:
        with tf.io.gfile.GFile(path) as file:
            found = json.loads(file.read())
    except (tf.errors.OpError, ValueError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        raise ValueError(f"The file {path} cannot be read ({reason}).") from error
    if not isinstance(found, dict):
        raise ValueError(f"The file {path} must hold a JSON object, not {found!r:.80}.")
    check_object(found, path, required, optional)
    return found


def check_object(found, path, required, optional=None):
    """Raises a `ValueError` if an object of a file is not what `read_json` requires.

    Args:
        found: dict.
        path: the file.
        required: as for `read_json`.
        optional: as for `read_json`.
    """
    for key, kind in {**required, **(optional or {})}.items():
        if key not in found and key in required:
            raise ValueError(f"The file {path} lacks {key!r}.")
        value = found.get(key)
        # True is a whole number to Python, not to JSON.
        if key in found and (
            not isinstance(value, kind) or (kind is int and isinstance(value, bool))
        ):
            raise ValueError(
                f"In the file {path} {key!r} must be {_WORDS[kind]}. Found: "
                f"{value!r:.80}"
            )
