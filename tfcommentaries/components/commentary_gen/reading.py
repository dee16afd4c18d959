"""How a recipe's examples are read: by their schema, and by what they hold."""

from tensorflow_metadata.proto.v0 import schema_pb2

from tfcommentaries.components.commentary_gen.splits import DTYPES
from tfcommentaries.saving.example_reading import ExampleReading

#: Maximum number of different strings of a feature; each becomes a number.
MAX_VOCABULARY = 1000


def reading_of(recipe, schema, train, base=None):
    """How to read a recipe's examples: types by the schema, the rest by the examples.

    Args:
        recipe: `PipelineRecipe`.
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
    reading = recipe.reading
    features = {feature.name: feature for feature in schema.feature}
    fill_values = recipe.fill_values
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
            "dtype": DTYPES[feature.type],
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
