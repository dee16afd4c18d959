"""A learning as plain values: for command lines, pipelines and files."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, Literal

import keras

from tfcommentaries import commentaries, hypergradients
from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.commentaries.group_names import Groups
from tfcommentaries.learning import CommentaryLearner
from tfcommentaries.saving.json_files import typed
from tfcommentaries.students.outputs import metrics_for
from tfcommentaries.typing import Shapes

#: What a commentary may need that a recipe and its data can give.
_GIVEN = {"classes", "groups", "images"}


def kinds():
    """All public commentaries that a recipe can name: their classes by name."""
    found = {name: getattr(commentaries, name) for name in commentaries.__all__}
    return {
        name: kind
        for name, kind in found.items()
        if inspect.isclass(kind)
        and issubclass(kind, commentaries.Commentary)
        and kind is not commentaries.Commentary
        and (kind.composed or set(kind.needs) <= _GIVEN)
    }


@dataclasses.dataclass(frozen=True)
class Part:
    """One of the commentaries in a recipe.

    Attributes:
        commentary: name of its class.
        commentary_config: its arguments, except its groups.
    """

    commentary: str
    commentary_config: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if self.commentary not in kinds():
            raise ValueError(
                f"there is no `commentary` {self.commentary!r:.80}. Known: "
                f"{', '.join(kinds())}"
            )
        if self.kind.composed:
            self._parts()

    @property
    def kind(self):
        """The class of the commentary."""
        return kinds()[self.commentary]

    @property
    def needs(self) -> tuple[str, ...]:
        """What it needs itself; see `Commentary.needs`."""
        return () if self.kind.composed else self.kind.needs

    @property
    def leaves(self):
        """The parts that it is made of, recursively; itself, if it is not composed."""
        if not self.kind.composed:
            return [self]
        return [leaf for part in self._parts() for leaf in part.leaves]

    def _parts(self):
        parts = self.commentary_config.get("commentaries")
        if not isinstance(parts, list | tuple) or not parts:
            raise ValueError(
                f"The `commentary_config` of a {self.commentary} must have a list "
                f"`commentaries`. Received: {self.commentary_config!r:.80}"
            )
        where = f"The `commentaries` of a {self.commentary}"
        return typed(list(parts), list[Part], where)

    def make(self, num_classes=None, groups=None, x_shape=None):
        """Makes the commentary; see `Recipe.make_commentary`."""
        config = dict(self.commentary_config)
        takes = inspect.signature(self.kind).parameters
        if self.kind.composed:
            parts = (part.make(num_classes, groups, x_shape) for part in self._parts())
            config["commentaries"] = list(parts)
        elif "groups" in self.needs:
            config["groups"] = groups
        elif "classes" in self.needs:
            if num_classes is None and "num_classes" not in config:
                raise ValueError(
                    f"{self.commentary} is for classes, but the labels are numbers, or "
                    "`num_classes` is not known."
                )
            config.setdefault("num_classes", num_classes)
        if "images" in self.needs and x_shape and len(x_shape) != 3:
            raise ValueError(
                f"{self.commentary} is for images (height, width, channels). Received: "
                f"inputs of shape {tuple(x_shape)}"
            )
        lacking = [
            name
            for name, parameter in takes.items()
            if parameter.default is parameter.empty
            and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            and name not in config
        ]
        if lacking:
            raise ValueError(
                f"{self.commentary} needs {', '.join(lacking)} in its "
                "`commentary_config`."
            )
        try:
            return self.kind(**config)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"The `commentary_config` does not fit {self.commentary}: {error}"
            ) from error


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A commentary and its learning, without code.

    >>> recipe = Recipe("SoftLabels", learner_config={"inner_steps": 50})
    >>> commentary = recipe.make_commentary(num_classes=10)
    >>> learner = recipe.make_learner(commentary, student, "classes")

    Attributes:
        commentary: name of a class; see `kinds`.
        commentary_config: its arguments, except the groups of a GroupWeighting. Those
            of a Composition are `{"commentaries": [...]}`, a list of dicts with the
            keys `commentary` and `commentary_config`.
        inner_training: name of a class.
        inner_training_config: its arguments.
        learner_config: arguments of `CommentaryLearner`, such as `inner_steps`.
        learning_rate: of the outer Adam; `None` takes the commentary's suggestion.
        batch_size: number of examples per student step.
        validation_batch_size: number of examples of the outer loss; `None` as for
            `CommentaryLearner.fit`.
        seed: of initial weights and the order of the data.

    Raises:
        ValueError: if an entry is of the wrong type or out of its range.
    """

    commentary: str = "ExampleWeighting"
    commentary_config: dict[str, Any] = dataclasses.field(default_factory=dict)
    inner_training: Literal["UnrolledTraining", "ImplicitTraining"] = "UnrolledTraining"
    inner_training_config: dict[str, Any] = dataclasses.field(default_factory=dict)
    learner_config: dict[str, Any] = dataclasses.field(default_factory=dict)
    learning_rate: float | None = None
    batch_size: int = 32
    validation_batch_size: int | None = None
    seed: int = 0

    def __post_init__(self):
        _ = self.part
        for name in "learning_rate", "batch_size", "validation_batch_size":
            self._check_positive(name)

    def _check_positive(self, name):
        value = getattr(self, name)
        if value is not None and not 0 < value < float("inf"):
            raise ValueError(f"{name} must be above 0. Found: {value}")

    @property
    def part(self) -> Part:
        """The commentary as a `Part`."""
        return Part(self.commentary, self.commentary_config)

    @property
    def needs(self) -> set[str]:
        """The commentary's needs of the data; see `Commentary.needs`."""
        return {need for leaf in self.part.leaves for need in leaf.needs}

    def make_commentary(
        self,
        num_classes: int | None = None,
        groups: Groups | None = None,
        x_shape: Shapes = None,
    ) -> Commentary:
        """Makes the commentary.

        Args:
            num_classes: number of classes, for kinds that require it and whose config
                lacks it; `None` if labels are numbers.
            groups: the argument of a `GroupWeighting`.
            x_shape: shape of one example's inputs, if it is known.

        Returns:
            A `Commentary`.

        Raises:
            ValueError: if it does not suit the data, or its arguments are not those of
                the class.
        """
        return self.part.make(num_classes, groups, x_shape)

    def make_learner(
        self,
        commentary: Commentary,
        student: keras.Model | Callable[[], keras.Model],
        labels: str,
    ) -> CommentaryLearner:
        """Makes the learner, compiled.

        Args:
            commentary: from `make_commentary`.
            student: as for `CommentaryLearner`.
            labels: `"classes"` or `"numbers"`.

        Returns:
            A `CommentaryLearner`.
        """
        try:
            training = getattr(hypergradients, self.inner_training)(
                **self.inner_training_config
            )
            learner = CommentaryLearner(
                commentary,
                student,
                training,
                seed=self.seed,
                **{**commentary.suggested["learner"], **self.learner_config},
            )
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"The `learner_config` or `inner_training_config` does not fit: {error}"
            ) from error
        metrics = metrics_for(learner.student.model, labels)
        if commentary.main_output is not None:
            metrics = {commentary.main_output: metrics}
        rate = self.learning_rate
        learner.compile(rate and keras.optimizers.Adam(rate), metrics=metrics)
        return learner
