"""Features of tf.Examples: their types, and what is done if they are missing."""

import dataclasses

import numpy as np
import tensorflow as tf

#: What stands for a value that is missing, until an example is known to lack it.
_MISSING = {"float32": np.nan, "int64": np.iinfo(np.int64).min, "string": ""}
_NUMBERS = {"float32": (int, float), "int64": int}


@dataclasses.dataclass(frozen=True)
class Column:
    """One feature of tf.Examples.

    A feature is missing if it has no value, an empty string, or a number that is not
    finite.

    Attributes:
        name: name of the feature.
        dtype: `"float32"`, `"int64"` or `"string"`.
        size: number of values in an example.
        fill_value: what replaces missing values; `None` if an example without them
            cannot be used.
        vocabulary: known strings, in order; all others are treated alike.

    Raises:
        ValueError: if these do not fit together.
    """

    name: str
    dtype: str = "float32"
    size: int = 1
    fill_value: float | str | None = None
    vocabulary: tuple | None = None

    def __post_init__(self):
        if not isinstance(self.dtype, str) or self.dtype not in _MISSING:
            raise ValueError(
                f"The feature {self.name!r} must be one of {sorted(_MISSING)}. "
                f"Received: {self.dtype!r}"
            )
        if not isinstance(self.size, int) or self.size < 1:
            raise ValueError(
                f"The feature {self.name!r} must have a `size` of 1 or more. Received: "
                f"{self.size!r}"
            )
        fill = self.fill_value
        if fill is not None and not (
            isinstance(fill, str)
            if self.dtype == "string"
            else isinstance(fill, _NUMBERS[self.dtype]) and abs(fill) < 2**63
        ):
            raise ValueError(
                f"`fill_values` has {fill!r} for {self.name!r}, which is {self.dtype}."
            )
        if self.vocabulary is not None:
            strings = self.vocabulary
            if (
                not isinstance(strings, list | tuple)
                or not strings
                or not all(isinstance(one, str) for one in strings)
                or self.dtype != "string"
            ):
                raise ValueError(
                    f"The `vocabulary` of {self.name!r}, which is {self.dtype}, must "
                    f"be a list of strings. Received: {strings!r:.80}"
                )
            # JSON has lists.
            object.__setattr__(self, "vocabulary", tuple(strings))

    @classmethod
    def from_config(cls, name, config):
        """Makes one from a dict, as `get_config` gives it.

        Raises:
            ValueError: if the dict has anything else.
        """
        known = {field.name for field in dataclasses.fields(cls)} - {"name"}
        if not isinstance(config, dict) or not set(config) <= known:
            raise ValueError(
                f"The column {name!r} must be a dict with some of {sorted(known)}. "
                f"Received: {config!r:.80}"
            )
        return cls(name, **config)

    def get_config(self):
        """All attributes but the name, a dict that JSON can hold."""
        config = dataclasses.asdict(self)
        del config["name"]
        return config

    @property
    def width(self):
        """Numbers that the feature becomes."""
        return self.size * len(self.vocabulary or (0,))

    @property
    def missing(self):
        """What stands for a missing value in `dense`."""
        return tf.constant(_MISSING[self.dtype], self.dtype)

    def parsing_spec(self):
        """Specification for `tf.io.parse_example`; a missing feature is not an error.

        Nor is an empty one, as CsvExampleGen writes it, which would be an error for a
        `FixedLenFeature` with a default.
        """
        return tf.io.FixedLenSequenceFeature(
            [], self.dtype, allow_missing=True, default_value=self.missing
        )

    def dense(self, feature):
        """Values `(batch, size)` of a feature that is dense, sparse or ragged.

        Missing values are `missing`. More than `size` are an `InvalidArgumentError`.

        Raises:
            ValueError: if its type is not `dtype`.
        """
        if feature.dtype != self.dtype:
            raise ValueError(
                f"The feature {self.name!r} is {feature.dtype.name}, but is read as "
                f"{self.dtype}. Give its type in `columns`."
            )
        values = dense_rows(feature, self.missing)
        batch, found = tf.unstack(tf.shape(values))
        message = f"The feature {self.name!r} must have {self.size} value(s)"
        with tf.control_dependencies(
            [tf.debugging.assert_less_equal(found, self.size, message)]
        ):
            lacking = tf.fill([batch, tf.maximum(self.size - found, 0)], self.missing)
        return tf.ensure_shape(tf.concat([values, lacking], 1), [None, self.size])

    def complete(self, values):
        """Which examples have the feature, `(batch,)`; argument from `dense`."""
        if self.fill_value is not None:
            return tf.ones(tf.shape(values)[:1], tf.bool)
        return tf.reduce_all(self._found(values), 1)

    def filled(self, values):
        """The values, `fill_value` in place of missing ones."""
        if self.fill_value is None:
            return values
        fill = tf.cast(tf.constant(self.fill_value), self.dtype)
        return tf.where(self._found(values), values, fill)

    def numbers(self, values):
        """What a network takes, float32 `(batch, width)`; argument from `dense`.

        Numbers stay as they are; strings become 0 or 1 for each of the vocabulary.
        """
        values = self.filled(values)
        if self.vocabulary is None:
            return tf.cast(values, tf.float32)
        same = tf.equal(values[:, :, None], tf.constant(self.vocabulary))
        return tf.reshape(tf.cast(same, tf.float32), [-1, self.width])

    def index(self, values):
        """The index in the vocabulary, int64 `(batch,)`; -1 for others."""
        same = tf.equal(self.filled(values), tf.constant(self.vocabulary))
        places = tf.where(same, tf.range(len(self.vocabulary), dtype=tf.int64), -1)
        return tf.reduce_max(places, 1)

    def _found(self, values):
        if self.dtype == "float32":
            return tf.math.is_finite(values)
        return tf.not_equal(values, self.missing)


def dense_rows(feature, default):
    """Values `(batch, n)` of a feature in any form; `default` for missing ones."""
    values = feature
    if isinstance(feature, tf.SparseTensor):
        values = tf.sparse.to_dense(feature, default)
    elif isinstance(feature, tf.RaggedTensor):
        values = feature.to_tensor(default)
    shape = tf.shape(values)
    # Not -1, which is ambiguous for an empty batch.
    return tf.reshape(values, [shape[0], tf.reduce_prod(shape[1:])])
