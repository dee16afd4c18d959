"""Reading splits of examples for a recipe."""

import collections

import tensorflow as tf
from absl import logging
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.public import tfxio

from tfcommentaries.commentaries.group_names import GroupNames, as_names
from tfcommentaries.saving.example_groups import NO_GROUP
from tfcommentaries.saving.example_reading import ExampleReading

#: Maximum number of different strings of a feature; each becomes a number.
MAX_VOCABULARY = 1000
_DTYPES = {
    schema_pb2.INT: "int64",
    schema_pb2.FLOAT: "float32",
    schema_pb2.BYTES: "string",
}


class Split:
    """Examples of one split, in the order of the files.

    Args:
        fn_args: `FnArgs`, whose data accessor reads.
        files: patterns.
        schema: of the examples.
        names: the features to read.
        role: what to call the split in errors.

    Raises:
        ValueError: if the schema lacks one of these features, or its type.
    """

    def __init__(self, fn_args, files, schema, names, role):
        known = {feature.name: feature for feature in schema.feature}
        missing = sorted(set(names) - set(known))
        if missing:
            raise ValueError(
                f"The examples have no feature {missing}; their schema has "
                f"{sorted(known)}. Name the right `features`, `label` and `groups`."
            )
        unread = [name for name in names if known[name].type not in _DTYPES]
        if unread:
            raise ValueError(
                f"The schema does not say whether {unread} are INT, FLOAT or BYTES, or "
                "says that they are structures. Name other features."
            )
        self.files = files
        self.role = role
        wanted = schema_pb2.Schema()
        for name in names:
            # Without a shape, a missing feature is noticed and is not an error.
            wanted.feature.add(name=name, type=known[name].type)
        options = tfxio.TensorFlowDatasetOptions(
            batch_size=256, shuffle=False, num_epochs=1
        )
        self.features = fn_args.data_accessor.tf_dataset_factory(files, options, wanted)

    def passes(self, function):
        """Yields batches of what a function gives for features, as NumPy arrays.

        Raises:
            ValueError: if a file or an example cannot be read.
        """
        try:
            yield from self.features.map(function).as_numpy_iterator()
        except tf.errors.OpError as error:
            raise ValueError(
                f"The {self.role} examples in {self.files} cannot be read: "
                f"{error.message}"
            ) from error

    def count(self, reading):
        """Counts examples, without decoding images.

        Returns:
            `(all, lacking, groups)`: how many examples there are, how many lack what is
            read, and a dict from columns to the `GroupNames` of all, without those
            that stand for no group.

        Raises:
            ValueError: if one cannot be read, or its label is not allowed.
        """

        def look(features):
            dense = reading.dense(features)
            complete = reading.complete(dense)
            if reading.label is not None:
                label = tf.boolean_mask(dense[reading.label], complete)
                with tf.control_dependencies(
                    [reading.read_label({reading.label: label})]
                ):
                    complete = tf.identity(complete)
            return complete, {name: dense[name] for name in reading.groups}

        size = lacking = 0
        found = {name: collections.Counter() for name in reading.groups}
        for complete, groups in self.passes(look):
            size += len(complete)
            lacking += int((~complete).sum())
            for name, column in groups.items():
                string, integer = NO_GROUP
                none = string if column.dtype == object else integer
                present = as_names(column[column != none], name)
                found[name].update(present.tolist())
        names = {
            name: GroupNames(*zip(*sorted(counter.items())))
            for name, counter in found.items()
            if counter
        }
        return size, lacking, names

    def examples(self, reading):
        """A data set of single examples `(x, y)`, without those that lack something.

        Raises:
            ValueError: if the first of them cannot be read.
        """

        def read(features):
            dense = reading.dense(features)
            complete = reading.complete(dense)
            dense = {n: tf.boolean_mask(v, complete) for n, v in dense.items()}
            return reading.read(dense)

        next(self.passes(read), None)
        return self.features.map(read, tf.data.AUTOTUNE).unbatch()


def reading_of(recipe, schema, train, base=None):
    """How to read a recipe's examples: types by the schema, the rest by the examples.

    Args:
        recipe: dict with all keys.
        schema: of the examples.
        train: `Split` of training examples, which tell the sizes and strings that the
            schema does not.
        base: manifest of a commentary that learning starts from. Its strings keep
            their numbers, and new ones follow.

    Returns:
        An `ExampleReading`.

    Raises:
        ValueError: if a feature has too many strings, or none.
    """
    reading = ExampleReading.from_config({**recipe, "columns": None})
    features = {feature.name: feature for feature in schema.feature}
    fill_values = recipe["fill_values"]
    names = [*reading.features, reading.label]
    unknown = sorted(set(fill_values) - set(names))
    if unknown:
        raise ValueError(
            f"`fill_values` names {unknown}, which are not among the features {names}."
        )
    domains = {domain.name: domain for domain in schema.string_domain}
    columns, sizes, vocabularies = {}, [], []
    before = {
        name: column.get("vocabulary") or []
        for name, column in (
            (base or {}).get("reading", {}).get("columns") or {}
        ).items()
    }
    for name in names:
        feature = features[name]
        domain = domains.get(feature.domain, feature.string_domain)
        is_image = reading.image_shape is not None and name != reading.label
        size = 1 if name == reading.label else _size(feature)
        columns[name] = {
            "dtype": _DTYPES[feature.type],
            "size": 1 if is_image and size is None else size,
            "fill_value": fill_values.get(name),
        }
        if columns[name]["size"] is None:
            sizes.append(name)
        if is_image and (
            feature.type != schema_pb2.BYTES or columns[name]["size"] != 1
        ):
            raise ValueError(
                f"`image_shape` says that {name!r} holds images, each an encoded PNG "
                f"or JPEG, but its schema says {columns[name]['size']} value(s) of "
                f"{columns[name]['dtype']}."
            )
        if columns[name]["dtype"] == "string" and not is_image:
            columns[name]["vocabulary"] = _ordered(domain.value, before.get(name, []))
            if not domain.value:
                vocabularies.append(name)
    if sizes or vocabularies:
        _survey(train, columns, sizes, vocabularies, before)
    config = reading.get_config()
    if "vocabulary" in columns[reading.label]:
        classes = columns[reading.label]["vocabulary"]
        if reading.num_classes not in (None, len(classes)):
            raise ValueError(
                f"`num_classes` is {reading.num_classes}, but the label "
                f"{reading.label!r} is one of {len(classes)}: {classes}"
            )
        config["num_classes"] = len(classes)
    return ExampleReading.from_config({**config, "columns": columns})


def _size(feature):
    """Values of an example, by the schema; `None` if that does not say."""
    if feature.HasField("shape"):
        size = 1
        for dim in feature.shape.dim:
            size *= dim.size
        return size
    return feature.value_count.max or None


def with_groups_of(config, groups):
    """Groups, and those of a commentary that have no example now.

    Args:
        config: from `Commentary.get_teaching_config`.
        groups: dict from columns to `GroupNames`.

    Returns:
        A dict like `groups`.
    """
    for part in config.get("commentaries", ()):
        groups = with_groups_of(part["teaching_config"], groups)
    others = config.get("groups", {})
    return {
        name: known.including(others[name]["names"]) if name in others else known
        for name, known in groups.items()
    }


def _ordered(strings, before):
    """Strings in order, after those that have had numbers before."""
    return [*before, *sorted(set(strings).difference(before))] if strings else []


def _survey(train, columns, sizes, vocabularies, before):
    """Completes columns with what the training examples have."""
    longest = dict.fromkeys(sizes, 0)
    strings = {name: set() for name in vocabularies}

    def look(features):
        lengths = {name: features[name].dense_shape[1] for name in sizes}
        return lengths, {name: features[name].values for name in vocabularies}

    for lengths, values in train.passes(look):
        for name, length in lengths.items():
            longest[name] = max(longest[name], int(length))
        for name, found in values.items():
            strings[name].update(value.decode() for value in found)
            strings[name].discard("")
            if len(strings[name]) > MAX_VOCABULARY:
                raise ValueError(
                    f"The feature {name!r} has more than {MAX_VOCABULARY} different "
                    "strings. Turn them into numbers with Transform, or leave it out."
                )
    for name, length in longest.items():
        columns[name]["size"] = max(1, length)
    for name, found in strings.items():
        if not found:
            raise ValueError(f"The feature {name!r} is empty in all training examples.")
        columns[name]["vocabulary"] = _ordered(found, before.get(name, []))


def check_missing(split, reading, missing):
    """Counts the examples that lack something, and raises if there must be none.

    Args:
        split: a `Split`.
        reading: `ExampleReading`.
        missing: `"drop"` or `"error"`.

    Returns:
        `(lacking, groups)`, as from `Split.count`.

    Raises:
        ValueError: if there is no example, all lack something, or one does and
            `missing` is `"error"`.
    """
    size, lacking, groups = split.count(reading)
    if not size:
        raise ValueError(
            f"The {split.role} split is empty: there is no example in {split.files}. "
            "Name another split in `train_args` or `eval_args`, or fill it."
        )
    if lacking == size or (lacking and missing == "error"):
        other = "other `features`" if lacking == size else '`"missing": "drop"`'
        raise ValueError(
            f"{lacking} of {size} {split.role} examples lack one of "
            f"{[*reading.columns]}, or it is not finite. Give the recipe "
            f"`fill_values`, which stand for it, or {other}."
        )
    if lacking:
        logging.warning(
            "%d of %d %s examples lack one of %s and are left out. The recipe's "
            "`fill_values` may say what stands for it.",
            lacking,
            size,
            split.role,
            [*reading.columns],
        )
    return lacking, groups
