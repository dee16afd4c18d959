"""Names of groups, and the integers that stand for them in a training step."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfcommentaries.typing import ArrayLike, Config, Tensors

#: The integer that stands for a missing group in tf.Examples.
MISSING = np.iinfo(np.int64).min


class GroupNames:
    """The groups of one column, such as annotators or years.

    In a training step integers replace names, which have no kernels on a GPU: 0 for an
    unknown group, then 1, 2, ... in the order of `names`.

    Args:
        names: the groups, all strings or all integers, without repeats.
        counts: number of examples of each in learning; `None` means equal numbers.

    Raises:
        ValueError: if there are no names, or a table cannot hold them.
    """

    def __init__(
        self, names: Sequence[str | int], counts: Sequence[int] | None = None
    ) -> None:
        self.names = list(names)
        self.counts = [1] * len(self.names) if counts is None else list(counts)
        if not self.names:
            raise ValueError("There must be at least one group. Received: none")
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"Each group must be named once. Received: {names!r:.80}")
        strings = isinstance(self.names[0], str)
        self.dtype = tf.string if strings else tf.int64
        self._index = {name: i for i, name in enumerate(self.names, 1)}
        if MISSING in self._index:
            raise ValueError(
                f"{MISSING} cannot be the name of a group: it stands for a missing "
                "group in tf.Examples. Name the groups otherwise."
            )
        try:
            "".join(map(str, self.names)).encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"The name of a group is not Unicode text ({error.reason}). Name the "
                "groups otherwise."
            ) from error
        # Not a lookup layer of Keras, which reserves a name for the unknown ones.
        #: For tensors; an exported commentary must track it.
        self.table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(self.names, self.dtype),
                tf.range(1, len(self.names) + 1, dtype=tf.int64),
            ),
            default_value=0,
        )

    def __reduce__(self):
        return GroupNames, (self.names, self.counts)  # Tables cannot be copied.

    @classmethod
    def of_column(cls, column: Tensors, title: str) -> "GroupNames":
        """Finds the groups of a column.

        Args:
            column: group of each example, an array, list or pandas series of strings
                or integers.
            title: what to call the column in errors.

        Raises:
            ValueError: as `as_names`, or if there are no groups.
        """
        if isinstance(column, str | bytes | int):
            raise ValueError(
                f"The {title} must be those of all training examples, one for each. "
                f"Received: {column!r:.80}. Give the column itself, such as "
                f"`table[{column!r:.40}]`."
            )
        names, counts = np.unique(as_names(column, title), return_counts=True)
        return cls(names.tolist(), counts.tolist())

    def index(self, column: Tensors, title: str = "groups") -> Tensors:
        """The integer of each example's group.

        Args:
            column: as for `of_column`, or a tensor, `(batch,)`, `(batch, 1)` or a
                scalar.
            title: what to call the column in errors.

        Returns:
            int32, a tensor if the column is one or inside of a graph, else an array.
        """
        if not tf.is_tensor(column) and _are_bytes(column):
            # From tf.Examples: some may stand for no group.
            index = self.index(tf.constant(np.asarray(column)), title)
            return index.numpy() if tf.executing_eagerly() else index
        if not tf.is_tensor(column):
            names = as_names(column, title)
            self._check(tf.string if names.dtype.kind in "OU" else tf.int64, title)
            found = [self._index.get(name, 0) for name in names.ravel().tolist()]
            index = np.array(found, "int32").reshape(names.shape)
            # As in `Dataset.map`.
            return index if tf.executing_eagerly() else tf.constant(index)
        if self.dtype == tf.int64 and (column.dtype.is_integer or column.dtype.is_bool):
            column = tf.cast(column, tf.int64)
        self._check(column.dtype, title)
        _check_shape(column.shape, title)
        return tf.cast(self.table.lookup(column), tf.int32)

    def _check(self, dtype, title):
        if dtype != self.dtype:
            kind = "strings" if self.dtype == tf.string else "integers"
            raise ValueError(
                f"The {title} must be {kind}, as in learning. Received: {dtype.name}"
            )

    def including(self, names: Sequence[str | int]) -> "GroupNames":
        """These groups and others, without examples."""
        others = [name for name in names if name not in self._index]
        return GroupNames(self.names + others, self.counts + [0] * len(others))

    def get_config(self) -> Config:
        """The arguments, a dict that JSON can hold."""
        return {"names": self.names, "counts": self.counts}


#: One column of groups, or several by their names.
Groups = ArrayLike | GroupNames | Mapping[str, ArrayLike | GroupNames]


def as_names(column, title):
    """A column as an array of strings, of dtype object or U, or of int64.

    Raises:
        ValueError: if entries are missing, are neither, or are not one per example.
    """
    if isinstance(column, np.ma.MaskedArray):
        column = np.where(np.ma.getmaskarray(column), None, column.data)
    # As objects, since NumPy's own strings cannot end with a zero byte, and it makes
    # strings of lists of strings and numbers.
    column = np.asarray(column, object if isinstance(column, list | tuple) else None)
    kind = column.dtype.kind
    if kind in "OST":
        column = column.astype(object)
    _check_shape(column.shape, title)
    if column.dtype == object or kind == "f":
        missing = sum(map(is_missing, column.ravel().tolist()))
        if missing:
            raise ValueError(
                f"{missing} of the {column.size} {title} are missing. Name these too, "
                "for instance 'unknown', or leave the examples out."
            )
    if column.dtype == object:
        return _of_objects(column, title) if column.size else column
    if kind in "iub":
        return _as_int64(column, title)
    if kind != "U":
        raise ValueError(
            f"The {title} must be strings or integers. Received: {column.dtype}. "
            "Convert them, for instance with `.astype(str)`."
        )
    return column


def _are_bytes(column):
    column = np.asarray(column)
    return column.dtype == object and {*map(type, column.ravel())} == {bytes}


def is_missing(value):
    """Whether a value of a column is `None`, NaN, or what pandas has for these."""
    if isinstance(value, str | int):
        return False
    if isinstance(value, float | np.floating):
        return value != value
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _of_objects(column, title):
    """Names from Python objects."""
    names = column.ravel().tolist()
    try:
        names = [n.decode() if isinstance(n, bytes) else n for n in names]
    except UnicodeError as error:
        raise ValueError(
            f"The {title} hold bytes that are not UTF-8 text. Name them as strings or "
            "integers."
        ) from error
    for kind in str, int | np.integer | np.bool_:
        others = [name for name in names if not isinstance(name, kind)]
        if not others:
            found = np.empty(len(names), object)
            found[:] = names
            found = found.reshape(column.shape)
            return found if kind is str else _as_int64(found, title)
    raise ValueError(
        f"The {title} must be strings or integers, all of one kind. Received: "
        f"{', '.join(sorted({type(name).__name__ for name in names})[:5])}. Convert "
        "them, for instance with `[str(name) for name in names]`."
    )


def _as_int64(column, title):
    if column.size and not (column.min() >= MISSING and column.max() < 2**63):
        raise ValueError(
            f"The {title} hold integers beyond int64. Name them as strings, for "
            "instance with `.astype(str)`."
        )
    return column.astype("int64")


def _check_shape(shape, title):
    if len(shape or ()) > 1 and not all(size in (1, None) for size in shape[1:]):
        raise ValueError(
            f"The {title} must be one name for each example. Received: shape "
            f"{tuple(shape)}. Give several columns as a dict, "
            "{'annotator': ..., 'year': ...}."
        )
