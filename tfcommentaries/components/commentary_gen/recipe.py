"""Recipes: commentaries described without code."""

import inspect

from tfcommentaries import commentaries
from tfcommentaries.components.commentary_gen.student import kinds_of
from tfcommentaries.saving.example_reading import DEFAULTS, ExampleReading

#: The keys of a recipe and their defaults.
RECIPE = {
    **{key: value for key, value in DEFAULTS.items() if key != "columns"},
    "fill_values": {},  # what replaces a missing value, by feature
    "missing": "drop",  # examples that lack other values: "drop" or "error"
    "gone_groups": "drop",  # of a base commentary, without examples now: or "keep"
    "commentary": "ExampleWeighting",  # class in tfcommentaries.commentaries
    "commentary_config": {},  # its arguments, except the groups of a GroupWeighting
    "student": None,  # import path of a function that makes a Keras model
    "student_config": {},  # its arguments; x's shape and num_classes if left out
    "student_learning_rate": 1e-3,  # Adam's, for a student that is not compiled
    "inner_training": "UnrolledTraining",  # or ImplicitTraining
    "learner_config": {},  # arguments of CommentaryLearner, such as inner_steps
    "learning_rate": None,  # of the outer Adam; None takes what the commentary suggests
    "batch_size": 32,
    "validation_batch_size": 256,
    "seed": 0,
}
#: Prefix of the hyperparameters that are a recipe's, not a Trainer's.
OF_RECIPE = "commentary/"
#: Commentaries that need nothing but examples.
_KINDS = {
    name
    for name in commentaries.__all__
    if inspect.isclass(getattr(commentaries, name))
    and issubclass(getattr(commentaries, name), commentaries.Commentary)
} - {"Commentary", "ElementWeighting", "ShuffledWeighting"}
_INNER_TRAININGS = {"UnrolledTraining", "ImplicitTraining"}
_NUMBERS = (int, float)
#: Types of values that `ExampleReading` does not check, and their descriptions. `None`
#: is allowed where it is the default.
_TYPES = {
    "label": (str, "the name of a feature"),
    "num_classes": (int, "a whole number above 1"),
    "fill_values": (dict, "a dict from features to what replaces a missing value"),
    "missing": (str, "'drop' or 'error'"),
    "gone_groups": (str, "'drop' or 'keep'"),
    "commentary": (str, "the name of a class"),
    "commentary_config": (dict, "a dict of arguments"),
    "student": (str, "the import path of a function"),
    "student_config": (dict, "a dict of arguments"),
    "student_learning_rate": (_NUMBERS, "a number above 0"),
    "inner_training": (str, "the name of a class"),
    "learner_config": (dict, "a dict of arguments"),
    "learning_rate": (_NUMBERS, "a number above 0"),
    "batch_size": (int, "a whole number above 0"),
    "validation_batch_size": (int, "a whole number above 0"),
    "seed": (int, "a whole number"),
}


def check_recipe(config, source="custom_config"):
    """Raises a `ValueError` if a recipe has unknown, missing or wrong entries.

    Args:
        config: dict.
        source: what to call it in errors.
    """
    if not isinstance(config, dict):
        raise ValueError(f"`{source}` must be a dict. Received: {config!r}")
    unknown = sorted(set(map(str, config)) - set(RECIPE))
    missing = [key for key in ("features", "student") if not config.get(key)]
    if unknown or missing:
        raise ValueError(
            f"Without a module, `{source}` must be a recipe, with at least "
            f"'features' and 'student'. Unknown: {unknown}; missing: {missing}. "
            f"Known: {sorted(RECIPE)}. Or pass `module_file=`."
        )
    for key in set(config) & set(_TYPES):
        _check_value(key, config[key])
    recipe = {**RECIPE, **config}
    ExampleReading.from_config(recipe)
    _check_commentary(recipe["commentary"], recipe["commentary_config"])
    for key, known in (
        ("inner_training", _INNER_TRAININGS),
        ("missing", {"drop", "error"}),
        ("gone_groups", {"drop", "keep"}),
    ):
        if recipe[key] not in known:
            raise ValueError(
                f"There is no `{key}` {recipe[key]!r}. Known: {sorted(known)}"
            )
    weighs_groups = "GroupWeighting" in kinds_of(
        recipe["commentary"], recipe["commentary_config"]
    )
    if weighs_groups != bool(recipe["groups"]):
        raise ValueError(
            "`groups` names the features that a GroupWeighting gives weights to; it "
            "and no other commentary needs them. Received: commentary="
            f"{recipe['commentary']!r}, groups={recipe['groups']!r}"
        )
    if "." not in config["student"].strip("."):
        raise ValueError(
            "`student` must be the import path of a function, such as "
            f"'tfcommentaries.students.cbr'. Received: {config['student']!r}"
        )


def _check_value(key, value):
    if value is None and RECIPE[key] is None:
        return
    types, words = _TYPES[key]
    fits = isinstance(value, types) and not isinstance(value, bool)
    for limit in (0, 1):
        if fits and words.endswith(f"above {limit}"):
            fits = value > limit
    if not fits:
        raise ValueError(f"The recipe's `{key}` must be {words}. Received: {value!r}")


def _check_commentary(name, config):
    if name not in _KINDS:
        raise ValueError(f"There is no `commentary` {name!r}. Known: {sorted(_KINDS)}")
    if name != "Composition":
        return
    parts = config.get("commentaries")
    allowed = {"commentary", "commentary_config"}
    if not isinstance(parts, list | tuple) or not parts:
        raise ValueError(
            "A Composition's `commentary_config` must have a list `commentaries`. "
            f"Received: {config!r}"
        )
    for part in parts:
        if (
            not isinstance(part, dict)
            or not {"commentary"} <= set(part) <= allowed
            or not isinstance(part.get("commentary_config", {}), dict)
        ):
            raise ValueError(
                "Each of a Composition's `commentaries` must be a dict of "
                f"'commentary' and 'commentary_config'. Received: {part!r}"
            )
        _check_commentary(part["commentary"], part.get("commentary_config", {}))


def with_hyperparameters(config, hyperparameters):
    """A recipe with the values that Tuner found for it.

    Args:
        config: dict, a recipe.
        hyperparameters: what Tuner wrote, or `None`. Names that begin with
            `commentary/` are the recipe's, such as `commentary/learning_rate` or
            `commentary/learner_config/inner_steps`; others are a Trainer's.

    Returns:
        A dict.

    Raises:
        ValueError: if the recipe has no such key.
    """
    if not isinstance(config or {}, dict):
        check_recipe(config)
    found = {
        key: dict(value) if isinstance(value, dict) else value
        for key, value in (config or {}).items()
    }
    for name, value in _values(hyperparameters).items():
        if not name.startswith(OF_RECIPE):
            continue
        key, *inner = name.removeprefix(OF_RECIPE).split("/")
        if (
            key not in RECIPE
            or len(inner) > 1
            or (inner and not isinstance(found.get(key, RECIPE[key]), dict))
        ):
            raise ValueError(
                f"The hyperparameter {name!r} from Tuner is not a recipe's. Known: "
                + ", ".join(OF_RECIPE + known for known in sorted(RECIPE))
            )
        if inner:
            found[key] = {**found.get(key, {}), inner[0]: value}
        else:
            found[key] = value
    return found


def _values(hyperparameters):
    """The values that Tuner found."""
    if not hyperparameters:
        return {}
    return hyperparameters.get("values", hyperparameters)
