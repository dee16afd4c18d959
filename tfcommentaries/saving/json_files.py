"""JSON files that others may have written, read with checks."""

import dataclasses
import difflib
import functools
import json
import os
import reprlib
import types
import typing

import tensorflow as tf

_WORDS = {
    bool: "true or false",
    dict: "an object",
    float: "a number",
    int: "a whole number",
    list: "a list",
    str: "a text",
    types.NoneType: "null",
}
#: Types of values that are made as they are.
_PLAIN = {str, int, float, types.NoneType}
#: Whole numbers beyond this fit neither TensorFlow nor NumPy.
_LARGEST = 2**63


def read(path, kind, others=False):
    """Reads a JSON file as a value of a type.

    >>> @dataclasses.dataclass
    ... class Card:
    ...     name: str
    ...     sizes: dict[str, int] = dataclasses.field(default_factory=dict)
    >>> read("card.json", Card)
    Card(name='mine', sizes={'train': 100})

    Args:
        path: file.
        kind: as for `typed`.
        others: as for `typed`.

    Returns:
        A value of that type.

    Raises:
        ValueError: if the file cannot be read or holds anything else; it names the
            file.
    """
    return typed(_load(path), kind, f"The file {os.fspath(path)}", others)


def typed(value, kind, where, others=False):
    """Makes a value of a type from what JSON holds, and checks all of it.

    Args:
        value: `None`, a boolean, number, text, list or dict.
        kind: `bool`, `int`, `float`, `str`, `None`, `list[...]`, `dict[str, ...]`,
            `typing.Literal`, `typing.Any`, a union, or a dataclass with fields of such
            types, whose `__post_init__` may raise a `ValueError`.
        where: what errors begin with, such as `"The file config.json"`.
        others: whether dataclasses leave out keys that they do not know, rather than
            refuse them.

    Returns:
        A value of that type.

    Raises:
        ValueError: if the value is of another type.
    """
    try:
        return _make(value, kind, "", others)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _make(value, kind, name, others):
    kinds = _alternatives(kind)
    one = next((one for one in kinds if _fits(value, one)), None)
    if one is None:
        words = " or ".join(dict.fromkeys(one.words for one in kinds))
        raise ValueError(
            f"{name or 'it'} must be {words}. Found: {reprlib.repr(value)}"
        )
    if one.dataclass is not None:
        prefix = f"{name}." if name else ""
        return _make_dataclass(value, one.dataclass, prefix, others)
    kind, inner = one.kind, one.inner
    if isinstance(value, list) and inner:
        if _are_plain(value, inner[0]):
            return value
        of = ((f"{name}[{i}]", item) for i, item in enumerate(value))
        return [_make(item, inner[0], where, others) for where, item in of]
    if isinstance(value, dict) and inner:
        of = ((f"{name}[{key!r:.40}]", key, value[key]) for key in value)
        return {key: _make(item, inner[1], where, others) for where, key, item in of}
    return float(value) if kind is float else value


def _make_dataclass(value, kind, prefix, others):
    fields, needed = _fields(kind)
    if not others and (unknown := sorted(set(value) - set(fields))):
        near = difflib.get_close_matches(unknown[0], fields, 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"there is no {prefix}{unknown[0]:.80}.{hint}")
    for name in needed:
        if name not in value:
            raise ValueError(f"{prefix}{name} is missing.")
    return kind(
        **{
            name: _make(value[name], hint, f"{prefix}{name}", others)
            for name, hint in fields.items()
            if name in value
        }
    )


def _are_plain(values, kind):
    """Whether all are of a type that is made as it is, as those of long lists are.

    If not, they may still be what is wanted, such as 1 for 1.0.
    """
    found = {*map(type, values)}
    kinds = {one.kind for one in _alternatives(kind)} & _PLAIN
    return found <= kinds and (
        int not in found or all(abs(v) < _LARGEST for v in values if type(v) is int)
    )


@functools.cache
def _fields(kind):
    """What a dataclass has; a file may hold very many of one kind.

    Returns:
        `(fields, needed)`: a dict from a name to its type; names without a default.
    """
    hints, fields, needed = typing.get_type_hints(kind), {}, []
    for field in dataclasses.fields(kind):
        fields[field.name] = hints[field.name]
        if field.default is field.default_factory is dataclasses.MISSING:
            needed.append(field.name)
    return fields, needed


class _Alternative(typing.NamedTuple):
    """A type that is no union.

    Attributes:
        kind: what a value is an instance of; `Any`, or `Literal`.
        inner: types inside, or the values of a `Literal`.
        dataclass: to make of the value, or `None`.
        words: what to call it.
    """

    kind: typing.Any
    inner: tuple
    dataclass: type | None
    words: str


@functools.cache
def _alternatives(kind):
    """The types that a union is of; others alone."""
    union = typing.get_origin(kind) in (typing.Union, types.UnionType)
    found = []
    for one in typing.get_args(kind) if union else (kind,):
        dataclass = one if dataclasses.is_dataclass(one) else None
        outer = dict if dataclass else typing.get_origin(one) or one
        inner = typing.get_args(one)
        words = _WORDS.get(outer, " or ".join(map(repr, inner)))
        found.append(_Alternative(outer, inner, dataclass, words))
    return found


def _fits(value, one):
    """Whether a value is of an `_Alternative`, without a look inside."""
    kind = one.kind
    if kind is typing.Any:
        return True
    if kind is typing.Literal:
        return isinstance(value, str) and value in one.inner
    if isinstance(value, bool):
        return kind is bool  # To Python, True is a whole number.
    if isinstance(value, int) and kind in (int, float):
        return abs(value) < _LARGEST
    return isinstance(value, kind)


def _load(path):
    path = os.fspath(path)
    try:
        # A pipe would keep a reader waiting.
        if os.path.exists(path) and not os.path.isfile(path):
            raise ValueError("it is not a file")
        with tf.io.gfile.GFile(path) as file:
            return json.loads(file.read())
    except (tf.errors.OpError, ValueError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        raise ValueError(f"The file {path} cannot be read ({reason}).") from error
