"""All settings of a run."""

import dataclasses

from tfcommentaries.cli.task import Task


@dataclasses.dataclass(frozen=True)
class Settings(Task):
    """What `config.json` of a run holds: the arguments of `learn`, and its files.

    Attributes:
        files: dict from settings to digests of the files that they name, from
            `NoisyData`.
    """

    outer_steps: int = 100
    inner_steps: int = 100
    outer_learning_rate: float | None = None
    steps_per_epoch: int = 10
    truncate: int | None = None
    see_label: bool = True
    curriculum: bool = True
    normalize: bool = True
    files: dict[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, args):
        """The settings among the arguments of `learn`."""
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{k: v for k, v in vars(args).items() if k in names})

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
