"""From features of tf.Examples to what a commentary and a student take."""

import tensorflow as tf

from tfcommentaries.saving.empty_batches import annotate_any

#: What a reading may say, and what it means where it does not.
DEFAULTS = {
    "features": None,
    "label": "label",
    "image_shape": None,
    "num_classes": None,
    "groups": None,
}


#: What stands for the group of an example that has none, which is not known.
NO_GROUP = "", -1


class ExampleReading:
    """How the inputs and the label of a model are made from an example's features.

    Args:
        features: name of one feature, or list of names of numbers that make a vector
            together.
        label: name of the integer label, or `None`.
        image_shape: `(height, width, channels)` if the one feature holds encoded
            images (PNG, JPEG); they become float32 from 0 to 1.
        num_classes: labels must be 0 to `num_classes - 1`; `None` does not check.
        groups: name or names of the features, strings or integers, that tell which
            group an example belongs to; they are the columns of a `GroupWeighting`.

    Raises:
        ValueError: if these do not fit together.
    """

    def __init__(
        self, features, label="label", image_shape=None, num_classes=None, groups=None
    ):
        names = [features] if isinstance(features, str) else features
        if not names or not all(isinstance(name, str) for name in names):
            raise ValueError(
                "`features` must be the name of a feature or a list of names. "
                f"Received: {features!r}"
            )
        if image_shape is not None and (len(names) != 1 or len(image_shape) != 3):
            raise ValueError(
                "`image_shape` must be (height, width, channels), for one feature. "
                f"Received: image_shape={image_shape}, features={features!r}"
            )
        self.features = list(names)
        self.label = label
        self.image_shape = None if image_shape is None else tuple(image_shape)
        self.num_classes = num_classes
        self.groups = [groups] if isinstance(groups, str) else list(groups or ())

    @classmethod
    def from_config(cls, config):
        """Makes one from a dict, such as `custom_config` holds."""
        known = {key: config[key] for key in DEFAULTS if key in config}
        return cls(**{**DEFAULTS, **known})

    def get_config(self):
        """The arguments, a dict that JSON can hold."""
        return {
            "features": self.features,
            "label": self.label,
            "image_shape": self.image_shape,
            "num_classes": self.num_classes,
            "groups": self.groups or None,
        }

    def read(self, features):
        """Makes inputs and labels of a batch.

        Args:
            features: dict of tensors `(batch, ...)`, dense or sparse.

        Returns:
            `(x, y)`: images `(batch, *image_shape)` or a matrix
            `(batch, features)`, float32, where there are groups in a dict as `"x"`
            beside their columns; labels int64 `(batch,)`, or `None` if examples have
            none.

        Raises:
            ValueError: if a feature is missing.
        """
        missing = {*self.features, *self.groups} - set(features)
        if self.label is not None and self.label not in features:
            missing.add(self.label)
        if missing:
            raise ValueError(
                f"The examples have no feature {sorted(missing)}; they have "
                f"{sorted(features)}. Name the right `features` and `label`."
            )
        x = self._inputs(features)
        if self.groups:
            x = {"x": x, **self.read_groups(features)}
        if self.label is None:
            return x, None
        return x, self.read_label(features)

    def read_groups(self, features):
        """Columns of groups, a dict of tensors `(batch,)`; argument as for `read`."""
        return {name: _first(features[name]) for name in self.groups}

    def _inputs(self, features):
        if self.image_shape is not None:
            bytes_ = tf.reshape(_dense(features[self.features[0]]), [-1])
            signature = tf.TensorSpec(self.image_shape, tf.float32)
            return tf.map_fn(self._decode, bytes_, fn_output_signature=signature)
        columns = [self._column(features[name]) for name in self.features]
        return tf.concat(columns, -1)

    def read_label(self, features):
        """Labels, int64 `(batch,)`; argument as for `read`."""
        y = tf.cast(tf.reshape(_dense(features[self.label]), [-1]), tf.int64)
        if self.num_classes is not None:
            limit = tf.cast(self.num_classes, tf.int64)
            message = f"The label {self.label} must be from 0 to {self.num_classes - 1}"
            checks = [
                tf.debugging.assert_less(y, limit, message),
                tf.debugging.assert_non_negative(y, message),
            ]
            with tf.control_dependencies([c for c in checks if c is not None]):
                y = tf.identity(y)
        return y

    def _decode(self, image):
        image = tf.io.decode_image(
            image, self.image_shape[-1], tf.uint8, expand_animations=False
        )
        message = f"Images must be of shape {self.image_shape}"
        check = tf.debugging.assert_equal(tf.shape(image), self.image_shape, message)
        with tf.control_dependencies([] if check is None else [check]):
            return tf.ensure_shape(tf.cast(image, tf.float32) / 255, self.image_shape)

    def _column(self, feature):
        column = tf.cast(_dense(feature), tf.float32)
        column = tf.reshape(column, [tf.shape(column)[0], -1])
        with tf.control_dependencies(
            [tf.debugging.assert_all_finite(column, "Features must be finite")]
        ):
            return tf.identity(column)

    def check_fits(self, x_spec):
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
        found = self.image_shape or (len(self.features),)
        one_vector = self.image_shape is None and len(self.features) == 1
        if found != expected and not (one_vector and len(expected) == 1):
            raise ValueError(
                f"The commentary takes inputs of shape {expected}, but the features "
                f"{self.features} give {found}. It was learned on other features: "
                "name those, or learn a commentary for these."
            )

    def parsing_spec(self, x_spec):
        """Feature spec for `tf.io.parse_example`.

        Args:
            x_spec: as for `check_fits`.

        Returns:
            A dict.
        """
        spec = {}
        if isinstance(x_spec, dict):
            # A group that is not told is one that is not known.
            spec = {
                name: tf.io.FixedLenFeature([], one.dtype, _no_group(one.dtype))
                for name, one in x_spec.items()
                if name != "x"
            }
            x_spec = x_spec.get("x")
        if self.label is not None:
            spec[self.label] = tf.io.FixedLenFeature([], tf.int64)
        if x_spec is None:
            return spec
        if self.image_shape is not None:
            return spec | {self.features[0]: tf.io.FixedLenFeature([], tf.string)}
        # One feature may hold a whole vector.
        size = x_spec.shape[-1] if len(self.features) == 1 else 1
        return spec | {
            name: tf.io.FixedLenFeature([size], tf.float32) for name in self.features
        }


class ExampleAnnotation:
    """A function from serialized examples to annotations.

    Args:
        commentary: a `Commentary`.
        reading: `ExampleReading` of the examples.
        x_spec: `tf.TensorSpec` of the commentary's inputs, or a dict of such.
        progress: points at which a curriculum is asked.
        prefix: of the annotations' names, to which the progress in per cent is added.
    """

    def __init__(
        self, commentary, reading, x_spec, progress=(0.0, 0.5, 1.0), prefix="annotation"
    ):
        reading.check_fits(x_spec)
        self.commentary = commentary
        self.reading = ExampleReading(**reading.get_config())
        if not commentary.uses_labels:
            self.reading.label = None
        self.x_spec = x_spec
        self.spec = self.reading.parsing_spec(x_spec)
        self.points = {prefix: None}
        if commentary.uses_progress:
            self.points = {f"{prefix}_{round(100 * p)}": p for p in progress}

    def __call__(self, serialized):
        """Annotates.

        Args:
            serialized: tf.Examples, strings `(batch,)`.

        Returns:
            A dict from names to annotations `(batch, ...)`.
        """
        x, y = self._read(tf.io.parse_example(serialized, self.spec))
        return {
            name: annotate_any(self.commentary, x, y, point)
            for name, point in self.points.items()
        }

    def _read(self, features):
        if isinstance(self.x_spec, dict) and "x" not in self.x_spec:
            label = self.reading.label
            y = None if label is None else self.reading.read_label(features)
            return self.reading.read_groups(features), y
        return self.reading.read(features)


def _dense(tensor, default=None):
    if isinstance(tensor, tf.SparseTensor):
        return tf.sparse.to_dense(tensor, default)
    if isinstance(tensor, tf.RaggedTensor):
        return tensor.to_tensor(default)
    return tensor


def _no_group(dtype):
    string, integer = NO_GROUP
    return tf.constant(string if dtype == tf.string else integer, dtype)


def _first(feature):
    """The first value of each example, `(batch,)`, or `_no_group`."""
    default = _no_group(feature.dtype)
    values = _dense(feature, default)
    values = tf.reshape(values, [tf.shape(values)[0], -1])
    lacking = tf.fill([tf.shape(values)[0], 1], default)
    return tf.concat([values, lacking], 1)[:, 0]
