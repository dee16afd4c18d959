"""Names of groups, and the integers that stand for them in a training step."""

import keras
import numpy as np
import tensorflow as tf


class GroupNames:
    """The groups of one column, such as annotators or years.

    In a training step integers stand for names, which have no kernels on a GPU: 0 for
    an unknown group, then 1, 2, ... in the order of `names`.

    Args:
        names: the groups, all strings or all integers, each once.
        counts: number of examples of each in learning; `None` means equal numbers.
    """

    def __init__(self, names, counts=None):
        self.names = list(names)
        self.counts = [1] * len(self.names) if counts is None else list(counts)
        if not self.names:
            raise ValueError("There must be at least one group. Received: none")
        strings = isinstance(self.names[0], str)
        lookup = keras.layers.StringLookup if strings else keras.layers.IntegerLookup
        self.lookup = lookup(vocabulary=self.names, num_oov_indices=1)
        # XLA could not compile it, but it never runs in a training step.
        self.lookup.supports_jit = True
        self.dtype = tf.string if strings else tf.int64

    @classmethod
    def of_column(cls, column, title):
        """Finds the groups of a column.

        Args:
            column: group of each example, an array, list or pandas series of strings
                or integers.
            title: what to call the column in errors.

        Raises:
            ValueError: if there are no groups, some are missing, or they are numbers
                but not integers.
        """
        names, counts = np.unique(as_names(column, title), return_counts=True)
        return cls(names.tolist(), counts.tolist())

    def index(self, column, title="groups"):
        """The integer of each example's group.

        Args:
            column: as for `of_column`, or a tensor of any shape.
            title: what to call the column in errors.

        Returns:
            int32, a tensor if the column is one or inside of a graph, else an array.
        """
        if not tf.is_tensor(column) and not tf.executing_eagerly():
            column = tf.constant(as_names(column, title))  # As in `Dataset.map`.
        if not tf.is_tensor(column):
            return self.lookup(as_names(column, title)).numpy().astype("int32")
        if column.dtype.is_integer and self.dtype == tf.int64:
            column = tf.cast(column, tf.int64)
        if column.dtype != self.dtype:
            raise ValueError(
                f"The {title} must be {self._kind()}, as in learning. "
                f"Received: {column.dtype.name}"
            )
        return tf.cast(self.lookup(column), tf.int32)

    def _kind(self):
        return "strings" if self.dtype == tf.string else "integers"

    def including(self, names):
        """These groups, and others of which there is no example."""
        others = [name for name in names if name not in set(self.names)]
        return GroupNames(self.names + others, self.counts + [0] * len(others))

    def get_config(self):
        """The arguments, a dict that JSON can hold."""
        return {"names": self.names, "counts": self.counts}


def as_names(column, title):
    """A column as a NumPy array of strings or of int64.

    Raises:
        ValueError: if it has missing entries, or is neither.
    """
    column = np.asarray(column)
    if column.dtype.kind == "O":
        missing = [name for name in column.ravel() if name is None or name != name]
        if missing:
            raise ValueError(
                f"{len(missing)} of the {column.size} {title} are missing. Name these "
                "too, for instance 'unknown', or leave the examples out."
            )
        if all(isinstance(name, str | bytes) for name in column.ravel()):
            column = np.array(
                [n.decode() if isinstance(n, bytes) else n for n in column.ravel()]
            ).reshape(column.shape)
        elif all(isinstance(name, int | np.integer) for name in column.ravel()):
            column = column.astype("int64")
    if column.dtype.kind == "S":
        column = np.char.decode(column, "utf-8")
    if column.dtype.kind in "iub":
        return column.astype("int64")
    if column.dtype.kind != "U":
        raise ValueError(
            f"The {title} must be strings or integers. Received: {column.dtype}. "
            "Convert them, for instance with `.astype(str)`."
        )
    return column
