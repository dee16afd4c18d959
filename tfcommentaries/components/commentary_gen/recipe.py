"""Recipes of pipelines: also how examples are read, and what the student is."""

import dataclasses
import json
from typing import Any, Literal

from tfcommentaries.recipe import Recipe
from tfcommentaries.saving.example_reading import DEFAULTS, ExampleReading
from tfcommentaries.saving.json_files import typed

#: Prefix of what TFX's executor for the cloud reads in `custom_config`.
OF_CLOUD = "ai_platform_"
#: Prefix of the hyperparameters that are a recipe's, not a Trainer's.
OF_RECIPE = "commentary/"


@dataclasses.dataclass(frozen=True)
class PipelineRecipe(Recipe):
    """A `Recipe` and what a pipeline must know besides; see `ExampleReading`.

    Attributes:
        features, label, image_shape, num_classes, groups, resize: as for
            `ExampleReading`.
        fill_values: what replaces a missing value, by feature.
        missing: what to do with examples that lack other values.
        gone_groups: of a base commentary, without examples now.
        student: import path of a function that makes a Keras model.
        student_config: its arguments; the shape of x and `num_classes` if left out.
        student_learning_rate: Adam's, for a student that is not compiled.
        strategy: over which students of an outer step are spread: the GPUs of this
            machine, or the workers of `TF_CONFIG`, all of which run CommentaryGen.

    Raises:
        ValueError: if an entry is of the wrong type, or they do not fit together.
    """

    features: str | list[str] | None = None
    label: str = DEFAULTS["label"]
    image_shape: list[int] | None = None
    num_classes: int | None = None
    groups: str | list[str] | None = None
    resize: str | None = None
    fill_values: dict[str, Any] = dataclasses.field(default_factory=dict)
    missing: Literal["drop", "error"] = "drop"
    gone_groups: Literal["drop", "keep"] = "drop"
    student: str = ""
    student_config: dict[str, Any] = dataclasses.field(default_factory=dict)
    student_learning_rate: float = 1e-3
    validation_batch_size: int = 256
    strategy: Literal["mirrored", "multi_worker"] | None = None

    def __post_init__(self):
        super().__post_init__()
        lacking = [name for name in ("features", "student") if not getattr(self, name)]
        if lacking:
            raise ValueError(f"{' and '.join(lacking)} must be given.")
        self._check_positive("student_learning_rate")
        if self.num_classes is not None and self.num_classes < 2:
            raise ValueError(f"num_classes must be above 1. Found: {self.num_classes}")
        _ = self.reading
        if ("groups" in self.needs) != bool(self.groups):
            raise ValueError(
                "`groups` names the features that a GroupWeighting gives weights to; "
                "it and no other commentary needs them. Received: commentary="
                f"{self.commentary!r}, groups={self.groups!r}"
            )
        if "." not in self.student.strip("."):
            raise ValueError(
                "`student` must be the import path of a function, such as "
                f"'tfcommentaries.students.cbr'. Received: {self.student!r}"
            )

    @property
    def reading(self):
        """The `ExampleReading` as far as the recipe alone says it."""
        given = {name: getattr(self, name, None) for name in DEFAULTS}
        return ExampleReading.from_config(given)


def recipe_of(config, source="custom_config"):
    """Makes a `PipelineRecipe` from a dict.

    Args:
        config: dict of what JSON can hold.
        source: what to call it in errors.

    Raises:
        ValueError: if it has unknown, missing or wrong entries.
    """
    if not isinstance(config, dict):
        raise ValueError(f"`{source}` must be a dict. Received: {config!r}")
    where = f"Without `module_file=`, `{source}` must be a recipe"
    try:
        config = json.loads(json.dumps(config))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}, of values that JSON can hold: {error}") from error
    config = {k: v for k, v in config.items() if not k.startswith(OF_CLOUD)}
    return typed(config, PipelineRecipe, where)


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
        recipe_of(config)
    found = {
        key: dict(value) if isinstance(value, dict) else value
        for key, value in (config or {}).items()
    }
    types = {field.name: field.type for field in dataclasses.fields(PipelineRecipe)}
    for name, value in _values(hyperparameters).items():
        if not name.startswith(OF_RECIPE):
            continue
        key, *inner = name.removeprefix(OF_RECIPE).split("/")
        if (
            key not in types
            or len(inner) > 1
            or (inner and types[key] != dict[str, Any])
            or (inner and not isinstance(found.get(key, {}), dict))
        ):
            raise ValueError(
                f"The hyperparameter {name!r} from Tuner is not a recipe's. Known: "
                + ", ".join(OF_RECIPE + known for known in sorted(types))
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
