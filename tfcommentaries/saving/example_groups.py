"""The group that an example belongs to, from a feature of tf.Examples."""

import tensorflow as tf

from tfcommentaries.commentaries.group_names import MISSING
from tfcommentaries.saving.example_columns import dense_rows

#: What stands for the group of an example that has none, an unknown group. No group
#: has such a name: texts are UTF-8, which these bytes are not.
NO_GROUP = b"\xff", MISSING


def no_group(dtype):
    """What stands for no group, a scalar of this type."""
    string, integer = NO_GROUP
    return tf.constant(string if dtype == tf.string else integer, dtype)


def group_parsing_spec(dtype):
    """Specification for `tf.io.parse_example`; a missing group is not an error."""
    return tf.io.FixedLenSequenceFeature(
        [], dtype, allow_missing=True, default_value=no_group(dtype)
    )


def first_group(feature):
    """The first value of each example, `(batch,)`, or what stands for no group."""
    none = no_group(feature.dtype)
    values = dense_rows(feature, none)
    lacking = tf.fill([tf.shape(values)[0], 1], none)
    return tf.concat([values, lacking], 1)[:, 0]
