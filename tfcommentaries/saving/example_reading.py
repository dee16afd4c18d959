"""From features of tf.Examples to what a commentary and a student take."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfcommentaries.saving.example_columns import Column
from tfcommentaries.saving.example_groups import first_group
from tfcommentaries.typing import Config, Self, Tensors

#: The arguments of a reading and their defaults.
DEFAULTS = {
    "features": None,
    "label": "label",
    "image_shape": None,
    "num_classes": None,
    "groups": None,
    "resize": None,
    "columns": None,
}
#: How images may be resized.
RESIZES = "area", "bicubic", "bilinear", "nearest"


class ExampleReading:
    """Makes the inputs and the label of a model from an example's features.

    An example that lacks a feature or its label cannot be read unless there is a
    `fill_value`: a missing value never becomes 0. `complete` finds the examples that
    can be read.

    Args:
        features: name of one feature, or list of names of features that make a vector
            together.
        label: name of the label, or `None`.
        image_shape: `(height, width, channels)` if the one feature holds encoded
            images (PNG, JPEG); they become float32 from 0 to 1.
        num_classes: labels must be 0 to `num_classes - 1`; `None` does not check.
        groups: name or names of the features, strings or integers, that hold an
            example's groups; they are the columns of a `GroupWeighting`.
        resize: one of `RESIZES`, for images of other sizes; `None` refuses such images.
        columns: dict from names of features and label to the dict of `Column`'s other
            attributes. By default features are floats and labels integers; recipes of
            CommentaryGen take all types from the schema.

    Raises:
        ValueError: if the arguments do not fit together.
    """

    def __init__(
        self,
        features: str | Sequence[str],
        label: str | None = "label",
        image_shape: Sequence[int] | None = None,
        num_classes: int | None = None,
        groups: str | Sequence[str] | None = None,
        resize: str | None = None,
        columns: Mapping[str, Config] | None = None,
    ) -> None:
        names, groups = _names(features, "features"), _names(groups, "groups")
        if not names:
            raise ValueError("`features` must name at least one feature.")
        if label is not None and not isinstance(label, str):
            raise ValueError(
                f"`label` must be the name of a feature, or None. Received: {label!r}"
            )
        if image_shape is not None and (
            len(names) != 1
            or not isinstance(image_shape, list | tuple)
            or len(image_shape) != 3
            or not all(_is_size(length) for length in image_shape)
        ):
            raise ValueError(
                "`image_shape` must be (height, width, channels), for one feature. "
                f"Received: image_shape={image_shape}, features={features!r}"
            )
        if num_classes is not None and not _is_size(num_classes):
            raise ValueError(
                "`num_classes` must be a whole number above 0, or None. Received: "
                f"{num_classes!r}"
            )
        if resize is not None and (
            not isinstance(resize, str) or resize not in RESIZES or image_shape is None
        ):
            raise ValueError(
                f"`resize` must be one of {', '.join(RESIZES)}, for images, which have "
                f"an `image_shape`. Received: resize={resize!r}, "
                f"image_shape={image_shape}"
            )
        if not isinstance(columns or {}, dict):
            raise ValueError(
                "`columns` must be a dict from names of features to what they are. "
                f"Received: {columns!r:.80}"
            )
        self.features = names
        self.label = label
        self.image_shape = None if image_shape is None else tuple(image_shape)
        self.num_classes = num_classes
        self.groups = groups
        self.resize = resize
        self.columns = {
            name: Column.from_config(name, config)
            for name, config in (columns or {}).items()
        }

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Makes one from a dict, such as `custom_config` holds."""
        known = {key: config[key] for key in DEFAULTS if key in config}
        return cls(**{**DEFAULTS, **known})

    def get_config(self) -> Config:
        """The arguments, a dict that JSON can hold."""
        return {
            "features": self.features,
            "label": self.label,
            "image_shape": self.image_shape,
            "num_classes": self.num_classes,
            "groups": self.groups or None,
            "resize": self.resize,
            "columns": {n: c.get_config() for n, c in self.columns.items()} or None,
        }

    def column(self, name: str) -> "Column":
        """The `Column` of a feature or the label."""
        if name in self.columns:
            return self.columns[name]
        if name == self.label:
            return Column(name, "int64")
        return Column(name, "float32" if self.image_shape is None else "string")

    @property
    def vector_size(self) -> int:
        """Length of the vector that the features form."""
        return sum(self.column(name).width for name in self.features)

    def dense(self, features: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """The features and the label that are read, each `(batch, size)`.

        Args:
            features: dict of tensors `(batch, ...)`, dense, sparse or ragged.

        Returns:
            A dict for the other methods, with placeholders for missing values. Groups
            are `(batch,)`.

        Raises:
            ValueError: if a feature is in no example.
        """
        wanted = [*self.features, *([] if self.label is None else [self.label])]
        missing = {*wanted, *self.groups} - set(features)
        if missing:
            raise ValueError(
                f"The examples have no feature {sorted(missing)}; they have "
                f"{sorted(features)}. Name the right `features` and `label`."
            )
        found = {name: self.column(name).dense(features[name]) for name in wanted}
        return found | self.read_groups(features)

    def complete(self, dense: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Which examples can be read, booleans `(batch,)`; argument from `dense`."""
        return tf.reduce_all(
            [
                self.column(name).complete(values)
                for name, values in dense.items()
                if name not in self.groups
            ],
            0,
        )

    def read(self, dense: Mapping[str, tf.Tensor]) -> tuple[Tensors, tf.Tensor | None]:
        """Makes inputs and labels of examples that are complete.

        Args:
            dense: from `dense`.

        Returns:
            `(x, y)`: images `(batch, *image_shape)` or a matrix
            `(batch, features)`, float32; if there are groups, a dict with these as
            `"x"` and the columns of groups. Labels `(batch,)`, or `None` if examples
            have none.
        """
        if self.image_shape is not None:
            bytes_ = tf.reshape(dense[self.features[0]], [-1])
            if bytes_.shape[0] == 1:  # A loop would copy it.
                x = self._decode(bytes_[0])[None]
            else:
                signature = tf.TensorSpec(self.image_shape, tf.float32)
                x = tf.map_fn(self._decode, bytes_, fn_output_signature=signature)
        else:
            x = tf.concat(
                [self.column(name).numbers(dense[name]) for name in self.features], -1
            )
        if self.groups:
            x = {"x": x, **{name: dense[name] for name in self.groups}}
        return x, None if self.label is None else self.read_label(dense)

    def read_groups(self, features: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """Columns of groups, a dict of tensors `(batch,)`; argument as for `dense`."""
        return {name: first_group(features[name]) for name in self.groups}

    def read_label(self, dense: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Labels `(batch,)`: classes are int64, other numbers float32."""
        column = self.column(self.label)
        if column.vocabulary is not None:
            y, classes = column.index(dense[self.label]), len(column.vocabulary)
            allowed = f"one of {list(column.vocabulary)}"
        else:
            given = tf.reshape(column.filled(dense[self.label]), [-1])
            if self.num_classes is None:
                return given
            y, classes = tf.cast(given, tf.int64), self.num_classes
            # 1.5 is not a class.
            y = tf.where(tf.cast(y, given.dtype) == given, y, -1)
            allowed = f"from 0 to {classes - 1}"
        message = f"The label {self.label} must be {allowed}"
        checks = [
            tf.debugging.assert_less(y, tf.constant(classes, tf.int64), message),
            tf.debugging.assert_non_negative(y, message),
        ]
        with tf.control_dependencies([c for c in checks if c is not None]):
            return tf.identity(y)

    def _decode(self, image):
        image = tf.io.decode_image(
            image, self.image_shape[-1], tf.uint8, expand_animations=False
        )
        if self.resize is not None:
            size = self.image_shape[:2]
            image = tf.image.resize(image, size, self.resize, antialias=True) / 255
            return tf.ensure_shape(tf.clip_by_value(image, 0, 1), self.image_shape)
        message = (
            f"Images must be of shape {self.image_shape}, or the recipe must say how "
            "to `resize` them"
        )
        check = tf.debugging.assert_equal(tf.shape(image), self.image_shape, message)
        with tf.control_dependencies([] if check is None else [check]):
            return tf.ensure_shape(tf.cast(image, tf.float32) / 255, self.image_shape)

    def check_fits(self, x_spec: Tensors) -> None:
        """Raises a `ValueError` if a commentary takes inputs of another shape.

        Args:
            x_spec: `tf.TensorSpec` of the commentary's inputs, or a dict of such.
        """
        if isinstance(x_spec, dict):
            missing = sorted(set(x_spec) - {*self.groups, "x"})
            if missing:
                raise ValueError(
                    f"The commentary takes the groups {missing}, which are not read: "
                    f"`groups` is {self.groups}. Name these features there."
                )
            if "x" not in x_spec:
                return
            x_spec = x_spec["x"]
        expected = tuple(x_spec.shape[1:])
        found = self.image_shape or (self.vector_size,)
        # The commentary says how many values a single feature has.
        told = self.image_shape or len(self.features) > 1 or self.columns
        if found != expected and (told or len(expected) != 1):
            raise ValueError(
                f"The commentary takes inputs of shape {expected}, but the features "
                f"{self.features} give {found}. It was learned on other features: "
                "name those, or learn a commentary for these."
            )

    def fitted(self, x_spec: Tensors, uses_labels: bool) -> "ExampleReading":
        """The reading for the inputs of a commentary.

        Args:
            x_spec: as for `check_fits`.
            uses_labels: whether it takes labels; if not, none are read.

        Returns:
            An `ExampleReading`.

        Raises:
            ValueError: as for `check_fits`.
        """
        self.check_fits(x_spec)
        config = self.get_config()
        if not uses_labels:
            config["label"] = None
        if not self.columns and self.image_shape is None and len(self.features) == 1:
            one = x_spec.get("x") if isinstance(x_spec, dict) else x_spec
            if one is not None:
                config["columns"] = {self.features[0]: {"size": one.shape[-1]}}
        return ExampleReading.from_config(config)


def _names(given, argument):
    """A list of names of features, from a list or a single name."""
    names = [given] if isinstance(given, str) else given or []
    fits = isinstance(names, list | tuple) and all(isinstance(n, str) for n in names)
    if not fits or len(set(names)) < len(names):
        raise ValueError(
            f"`{argument}` must be the name of a feature or a list of different names. "
            f"Received: {given!r}"
        )
    return list(names)


def _is_size(value):
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
