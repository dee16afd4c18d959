"""All settings of a run."""

import dataclasses
import inspect
import os
from typing import Any, Literal

from tfcommentaries.cli.task import Task
from tfcommentaries.recipe import Recipe, kinds


@dataclasses.dataclass(frozen=True)
class Settings(Task):
    """What `config.json` of a run holds: the arguments of `learn`, and its files.

    Attributes:
        files: dict from settings to digests of the files that they name, from
            `NoisyData`.
    """

    commentary: str | None = None
    commentary_config: dict[str, Any] = dataclasses.field(default_factory=dict)
    inner_training: Literal["UnrolledTraining", "ImplicitTraining"] = "UnrolledTraining"
    outer_steps: int | None = None
    inner_steps: int | None = None
    outer_learning_rate: float | None = None
    steps_per_epoch: int | None = None
    truncate: int | None = None
    see_label: bool | None = None
    curriculum: bool | None = None
    normalize: bool | None = None
    start_from_checked: bool = True
    repeats: int | None = None
    files: dict[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        super().__post_init__()
        of_groups = any("groups" in kind.needs for kind in self.kinds.values())
        if of_groups != self.has_groups:
            raise ValueError(
                "--commentary=group_weighting, alone or among others, needs "
                "--group_column (or --spoiled_sources), and no other kind takes them. "
                f"Received: --commentary={self.commentary}"
            )
        for name in "see_label", "curriculum", "normalize":
            takers = [n for n, kind in self.kinds.items() if _takes(kind, name)]
            if getattr(self, name) is not None and not takers:
                raise ValueError(
                    f"--{name} is for weights of examples, not "
                    f"--commentary={','.join(self.kinds)}."
                )
        takes = {
            n
            for kind in self.kinds.values()
            for n in inspect.signature(kind).parameters
        }
        if unknown := sorted(set(self.commentary_config) - takes):
            raise ValueError(
                f"--commentary_config has {unknown}, which no argument of "
                f"{', '.join(k.__name__ for k in self.kinds.values())} is called."
            )
        if self.repeats is not None and not of_groups:
            raise ValueError("--repeats is for weights of sources.")
        if self.truncate is not None and self.inner_training != "UnrolledTraining":
            raise ValueError("--truncate is for --inner_training=UnrolledTraining.")

    @classmethod
    def of(cls, args):
        """The settings among the arguments of `learn`."""
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{k: v for k, v in vars(args).items() if k in names})

    @property
    def has_groups(self):
        """Whether the examples have sources."""
        return bool(self.spoiled_sources or self.group_column)

    @property
    def kinds(self):
        """The classes that `commentary` names, by these names."""
        known = {kind.kind: kind for kind in kinds().values() if not kind.composed}
        default = "group_weighting" if self.has_groups else "example_weighting"
        names = (self.commentary or default).split(",")
        if not set(names) <= set(known) or len(set(names)) < len(names):
            raise ValueError(
                f"--commentary must be one of {', '.join(known)}, or several separated "
                f"by commas, not {self.commentary!r:.80}"
            )
        return {name: known[name] for name in names}

    def recipe(self, num_classes):
        """The `Recipe` of the run.

        Args:
            num_classes: number of classes, or `None` if labels are numbers.
        """
        parts = [
            {
                "commentary": kind.__name__,
                "commentary_config": self._config(kind, num_classes),
            }
            for kind in self.kinds.values()
        ]
        if len(parts) > 1:
            config = {"commentaries": parts}
            parts = [{"commentary": "Composition", "commentary_config": config}]
        training, learner = {}, {}
        if self.truncate is not None:
            training["truncate"] = self.truncate
        if self.inner_steps is not None:
            learner["inner_steps"] = self.inner_steps
        if not self.start_from_checked:
            learner["start_from_checked"] = False
        if self.repeats is not None:
            learner["repeats"] = self.repeats
        return Recipe(
            **parts[0],
            inner_training=self.inner_training,
            inner_training_config=training,
            learner_config=learner,
            learning_rate=self.outer_learning_rate,
            batch_size=self.batch_size,
            seed=self.seed,
        )

    def _config(self, kind, num_classes):
        """Arguments of a kind: those that flags say, and its part of the config."""
        takes = inspect.signature(kind).parameters
        config = {}
        if _takes(kind, "see_label") and self.see_label is not False:
            config["num_classes"] = num_classes
        if _takes(kind, "curriculum") and self.curriculum is not None:
            config["curriculum"] = self.curriculum
        if _takes(kind, "normalize") and self.normalize is False:
            config["normalize"] = None
        given = self.commentary_config
        return config | {k: v for k, v in given.items() if k in takes}

    def applied(self):
        """A dict of the settings that had a part in what was learned."""
        settings = dataclasses.asdict(self)
        unused = {key for key, value in settings.items() if value in (None, {})}
        if not self.has_groups:
            unused.add("start_from_checked")
        if not self.label_noise:
            unused.update(("label_noise", "label_noise_kind"))
        if not self.spoiled_sources:
            unused.add("spoiled_sources")
        if self.checked_column or self.validation_data:
            unused.add("validation_size")
        if not (self.image_column or os.path.isdir(self.dataset)):
            unused.add("image_size")
        return {key: value for key, value in settings.items() if key not in unused}

    def differences(self, other):
        """Names of the settings, but for files, in which another run differs."""
        mine, its = dataclasses.asdict(self), dataclasses.asdict(other)
        return sorted(n for n in mine if mine[n] != its[n] and n != "files")

    def check_files(self, files):
        """Raises if files have changed.

        Args:
            files: their digests, as the attribute; those that either lacks are left
                out.

        Raises:
            ValueError: if one has; it names the file.
        """
        for name in sorted({*self.files} & {*files}):
            if self.files[name] != files[name]:
                raise ValueError(
                    f"{getattr(self, name)} (--{name}) has changed since the run began "
                    "to learn from it. Restore what it was, or learn from it in "
                    "another --run_dir."
                )

    def load_data(self):
        """As `Task.load_data`; refuses files that have changed."""
        data = super().load_data()
        self.check_files(data.files)
        return data


def _takes(kind, flag):
    """Whether a flag is an argument of a kind."""
    takes = inspect.signature(kind).parameters
    if flag == "see_label":
        # Weights of single examples: others see labels, or have a weight for each.
        return kind.weighs_examples and "num_classes" in takes and not kind.needs
    return flag in takes
