"""Columns of a table as features of a network."""

import dataclasses
import numbers
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.typing import Config, Self

if TYPE_CHECKING:
    import pandas

#: Texts with more values than this name things rather than describe them.
MOST_CATEGORIES = 50


@dataclasses.dataclass(frozen=True)
class Column:
    """How one column becomes features.

    Attributes:
        name: of the column.
        categories: values of a text; `None` for numbers.
        fill: what missing numbers become, the median.
        flagged: whether a second feature says which numbers are missing.
    """

    name: str
    categories: list[str] | None = None
    fill: float = 0.0
    flagged: bool = False


class TableEncoding:
    """Turns the columns of a table into features: numbers, booleans and texts.

    Numbers stay unchanged; missing ones become the median, and an extra feature marks
    them. A text becomes one feature, 1 or 0, for each value of the column in `table`;
    other and missing values are 0 in all of these.

    Args:
        table: a `pandas.DataFrame`, from which the encoding is learned.

    Raises:
        ValueError: if there are no columns, or a column has another type or is empty.
    """

    def __init__(self, table: "pandas.DataFrame") -> None:
        if not len(table.columns):
            raise ValueError("There are no columns that could be features.")
        self.columns = [_column(table[name]) for name in table.columns]

    def get_config(self) -> list[Config]:
        """The encoding as lists and dicts, for `from_config`."""
        return [dataclasses.asdict(column) for column in self.columns]

    @classmethod
    def from_config(cls, config: Sequence["Config | Column"]) -> Self:
        """Makes the encoding of `get_config`, or of a list of `Column`."""
        encoding = cls.__new__(cls)
        encoding.columns = [
            column if isinstance(column, Column) else Column(**column)
            for column in config
        ]
        return encoding

    @property
    def is_plain(self) -> bool:
        """Whether every column is a feature without a change."""
        return all(c.categories is None and not c.flagged for c in self.columns)

    @property
    def names(self) -> list[str]:
        """Names of the features, in order."""
        names = []
        for column in self.columns:
            if column.categories is not None:
                names += [f"{column.name}={value}" for value in column.categories]
                continue
            names += [column.name]
            names += [f"{column.name} is missing"] * column.flagged
        return names

    def __call__(self, table: "pandas.DataFrame") -> tf.Tensor:
        """Features of a table with the same columns.

        Args:
            table: a `pandas.DataFrame`; further columns are left out.

        Returns:
            `(examples, features)`, float32.

        Raises:
            ValueError: if there are texts where numbers were, or none of the texts of
                a column is known.
        """
        values = [_values(table[column.name], column) for column in self.columns]
        return _Features(self.get_config())(values).numpy()

    def model(self) -> keras.Model:
        """The encoding as a model, to put before a model that takes features.

        Returns:
            A `keras.Model` from a dict of the columns by their names, `(examples, 1)`
            each, strings or float32 with NaN for missing numbers, to
            `(examples, features)`.
        """
        inputs, names = {}, {"y", "progress"}
        for column in self.columns:
            dtype = "float32" if column.categories is None else "string"
            # SavedModels allow only these characters in names, of which case does not
            # count, and commentaries keep two names for themselves.
            name = re.sub(r"\W", "_", str(column.name), flags=re.ASCII)
            name = name if name[:1].isalnum() else f"column{name}"
            while name.lower() in names:
                name += "_"
            names.add(name.lower())
            inputs[str(column.name)] = keras.Input((1,), dtype=dtype, name=name)
        features = _Features(self.get_config())(list(inputs.values()))
        return keras.Model(inputs, features, name="columns")


@keras.saving.register_keras_serializable(package="tfcommentaries")
class _Features(keras.layers.Layer):
    """Features of a list of columns, `(batch, 1)` each.

    Lookup layers of Keras reserve a text for those that they do not know.
    """

    def __init__(self, columns, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.columns = columns

    def call(self, inputs):
        features = []
        for config, values in zip(self.columns, inputs):
            column = Column(**config)
            if column.categories is not None:
                found = tf.equal(values, tf.constant(column.categories, tf.string))
                features.append(tf.cast(found, tf.float32))
                continue
            missing = tf.math.is_nan(values)
            features.append(tf.where(missing, column.fill, values))
            if column.flagged:
                features.append(tf.cast(missing, tf.float32))
        return tf.concat(features, -1)

    def get_config(self) -> Config:
        return {**super().get_config(), "columns": self.columns}


def _column(values):
    name = values.name
    present = values.dropna()
    if not len(present) and len(values):
        raise ValueError(f"The column {name!r} is empty. Leave it out.")
    if _is_number(values):
        found = present.to_numpy("float64")
        fill = float(np.median(found)) if len(found) else 0.0
        return Column(name, None, fill, len(present) < len(values))
    if values.dtype.kind in "mM":
        raise ValueError(
            f"The column {name!r} holds times. Give numbers, such as days since the "
            "first, or leave it out."
        )
    others = [v for v in present if not isinstance(v, str | numbers.Number | np.bool_)]
    if others:
        raise ValueError(
            f"The column {name!r} holds values of the type {type(others[0]).__name__}. "
            "Features are numbers, booleans and texts. Make a column of each number of "
            "a vector; name a column of images with --image_column."
        )
    categories = sorted(present.astype("string").unique().tolist())
    if len(categories) > MOST_CATEGORIES:
        raise ValueError(
            f"The column {name!r} has {len(categories)} different texts, such as "
            f"{categories[0]!r}: too many to describe examples. Leave it out, or, if "
            "it names the source of each example, name it with --group_column."
        )
    return Column(name, categories)


def _values(values, column):
    """Values of a column as `_Features` takes them, `(examples, 1)`."""
    if column.categories is None:
        if not _is_number(values):
            raise ValueError(
                f"The column {column.name!r} has numbers in the training data, "
                f"but here it is {values.dtype}."
            )
        return values.to_numpy("float32", na_value=np.nan)[:, None]
    texts = values.astype("string")
    if values.notna().any() and not texts.isin(column.categories).any():
        raise ValueError(
            f"None of the texts of the column {column.name!r} is one of those in the "
            f"training data, {column.categories[:5]}. The first here is "
            f"{values.dropna().iloc[0]!r}."
        )
    other = "".join(column.categories) + "?"  # Longer than each category.
    return texts.fillna(other).to_numpy(object)[:, None]


def _is_number(values):
    kind = getattr(values.dtype, "kind", "O")
    return kind in "biuf" and values.dtype.name != "category"
