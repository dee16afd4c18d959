"""Several commentaries as one."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfcommentaries.commentaries.applying import make_applying
from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.commentaries.group_names import GroupNames, Groups
from tfcommentaries.commentaries.group_table import GroupTable
from tfcommentaries.commentaries.kind import Kind
from tfcommentaries.commentaries.trusting import Trusting
from tfcommentaries.typing import (
    ArrayLike,
    Batch,
    Config,
    LayerOptions,
    Self,
    Shapes,
    Tensors,
    Unpack,
)


@keras.saving.register_keras_serializable(package="tfcommentaries")
class Composition(Trusting, Commentary):
    """Learns several commentaries together and applies them one after the other.

    Each part annotates the original batch, with its groups or ids, before any part is
    applied. The annotation is that of all parts, flattened and concatenated; `split`
    takes it apart.

    Example:

    >>> both = Composition([AttentionMask(), LabelBlending(num_classes=10)])
    >>> x, y, sample_weight = both.teach(images, labels)

    Args:
        commentaries: list of `Commentary`, in the order in which they are applied.
        shapes: shape of each annotation without the batch axis. `None` learns them
            from the first batch.
        **kwargs: arguments of `Commentary`.
    """

    kind = "composition"
    description = "several commentaries at once"
    composed = True

    def __init__(
        self,
        commentaries: Sequence[Commentary],
        shapes: Shapes = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if not commentaries:
            raise ValueError("`commentaries` is empty: give at least one.")
        for part in commentaries:
            if not isinstance(part, Commentary) or part.uses_student_loss:
                raise ValueError(
                    "A Composition takes commentaries that see the data alone, not "
                    f"the student's losses. Received: {part!r}"
                )
        names = [n for part in commentaries for n in part.columns]
        if taken := {name for name in names if names.count(name) > 1}:
            raise ValueError(
                f"Several parts of this Composition have the columns {sorted(taken)}. "
                "Name each otherwise: `GroupWeighting({'source': source})`."
            )
        self.commentaries = list(commentaries)
        self.shapes = shapes and [tuple(shape) for shape in shapes]

    @property
    def doubt(self) -> str | None:
        return self._doubt

    @doubt.setter
    def doubt(self, doubt: str | None) -> None:
        self._doubt = doubt
        for part in getattr(self, "commentaries", ()):
            part.doubt = doubt

    @property
    def channels_last(self) -> bool:
        return any(part.channels_last for part in self.commentaries)

    @property
    def uses_labels(self) -> bool:
        return any(part.uses_labels for part in self.commentaries)

    @property
    def uses_progress(self) -> bool:
        return any(part.uses_progress for part in self.commentaries)

    @property
    def divides_by_batch_mean(self) -> bool:
        return any(part.divides_by_batch_mean for part in self.commentaries)

    def parts(self) -> list[Kind]:
        return [leaf for part in self.commentaries for leaf in part.parts()]

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(n for part in self.parts() for n in part.needs))

    @property
    def gives_distributions(self) -> bool:
        return any(part.gives_distributions for part in self.parts())

    @property
    def main_output(self) -> str | None:
        return next((p.main_output for p in self.parts() if p.main_output), None)

    def complete_student(
        self, model: keras.Model, loss: Any
    ) -> tuple[keras.Model, Any]:
        for part in self.commentaries:
            model, loss = part.complete_student(model, loss)
        return model, loss

    @property
    def can_start(self) -> bool:
        return any(part.can_start for part in self.commentaries)

    def start(
        self, x: Tensors, y: Tensors, agrees: ArrayLike, chance: float | None = None
    ) -> bool:
        """See `GroupWeighting.start`."""
        parts = [part for part in self.commentaries if part.can_start]
        return any([part.start(x, y, agrees, chance) for part in parts])

    @property
    def suggested(self) -> Mapping[str, Any]:
        # The smallest rate; `default_optimizer` gives each part its own.
        parts = [part.suggested for part in self.commentaries]
        steps = [part["steps"] for part in parts]
        return {
            "learning_rate": min(part["learning_rate"] for part in parts),
            "warmup": max(part["warmup"] for part in parts),
            "steps": None if None in steps else max(steps),
            "outer_steps": max(part["outer_steps"] for part in parts),
            "learner": {},
        }

    def add_groups(self, x: Tensors, groups: Groups) -> dict[str, Tensors]:
        """Like `GroupWeighting.add_groups`, for all parts that have it."""
        parts = [p for p in self.commentaries if p.columns]
        if not parts:
            raise ValueError("No part of this Composition is a GroupWeighting.")
        rest = dict(groups) if isinstance(groups, dict) else {"group": groups}
        for part in parts[:-1]:
            own = {name: rest.pop(name) for name in part.columns if name in rest}
            x = part.add_groups(x, own)
        return parts[-1].add_groups(x, rest)

    @property
    def columns(self) -> Mapping[str, GroupNames]:
        """Columns of groups of all parts; see `GroupWeighting`."""
        parts = [part.columns for part in self.commentaries]
        return {name: column for part in parts for name, column in part.items()}

    def table(self) -> GroupTable | None:
        """The rows of all parts that have a table, largest weights first; or `None`."""
        tables = [part.table() for part in self.commentaries]
        tables = [table for table in tables if table is not None]
        return GroupTable.joined(tables, self.doubt) if tables else None

    def prepare(self, x: Tensors) -> Tensors:
        for part in self.commentaries:
            x = part.prepare(x)
        return x

    def build(
        self, x_shape: Shapes, y_shape: Shapes = None, progress_shape: Shapes = None
    ) -> None:
        self.built = True

    def call(
        self, x: Tensors, y: Tensors = None, progress: Tensors = None
    ) -> tf.Tensor:
        """Gives all annotations; arguments as for `Commentary.call`.

        Returns:
            A tensor `(batch, size)`, with the size of all annotations together.
        """
        annotations = [
            part(
                x if _reads_beside(part) else self.student_inputs(x),
                y=y if part.uses_labels else None,
                progress=progress if part.uses_progress else None,
            )
            for part in self.commentaries
        ]
        if self.shapes is None:
            self.shapes = [tuple(a.shape[1:]) for a in annotations]
        flat = [
            tf.reshape(tf.cast(a, self.compute_dtype), [-1, _size(shape)])
            for a, shape in zip(annotations, self.shapes, strict=True)
        ]
        return tf.concat(flat, -1)

    def split(self, annotation: Tensors) -> list[tf.Tensor]:
        """Splits an annotation into the list of those of the parts."""
        if self.shapes is None:
            raise ValueError(
                "This Composition does not know its annotations yet. Call it on a "
                "batch before applying one."
            )
        parts = tf.split(annotation, [_size(shape) for shape in self.shapes], -1)
        return [
            tf.reshape(part, [-1, *shape]) for part, shape in zip(parts, self.shapes)
        ]

    def apply(
        self, annotation: Tensors, x: Tensors, y: Tensors, sample_weight: Tensors = None
    ) -> tuple[Tensors, Tensors, Tensors]:
        x = self.student_inputs(x)
        for part, piece in zip(self.commentaries, self.split(annotation)):
            x, y, sample_weight = part.apply(piece, x, y, sample_weight)
        return x, y, sample_weight

    def observe(self, x: Tensors, y: Tensors) -> None:
        for part in self.commentaries:
            part.observe(x, y)

    def check_learned(self) -> None:
        for part in self.commentaries:
            part.check_learned()

    def combine(self, learnings: Sequence[Sequence[tf.Tensor]]) -> None:
        start = 0
        for part in self.commentaries:
            end = start + len(part.trainable_variables)
            part.combine([values[start:end] for values in learnings])
            start = end

    def penalty(self, annotation: Tensors) -> Tensors:
        pieces = zip(self.commentaries, self.split(annotation))
        return sum(part.penalty(piece) for part, piece in pieces)

    def student_inputs(self, x: Tensors) -> Tensors:
        for part in self.commentaries:
            x = part.student_inputs(x)
        return x

    def untaught(self, batch: Batch) -> tuple[Tensors, Tensors, Tensors]:
        for part in self.commentaries:
            batch = part.untaught(batch)
        return batch

    def check_batch(self, x: Tensors, y: Tensors) -> None:
        inputs = self.student_inputs(x)
        for part in self.commentaries:
            part.check_batch(x if _reads_beside(part) else inputs, y)

    def take_over(self, values: Sequence[tf.Tensor], config: Config) -> Config:
        others = config["commentaries"]
        names = [keras.saving.get_registered_name(type(p)) for p in self.commentaries]
        if [other["class"] for other in others] != names:
            raise ValueError(
                f"It is made of {[other['class'] for other in others]}, but this "
                f"Composition of {names}."
            )
        notes: Config = {}
        values = list(values)
        for part, other in zip(self.commentaries, others):
            number = len(part.trainable_variables)
            notes |= part.take_over(values[:number], other["teaching_config"])
            del values[:number]
        return notes

    def get_config(self) -> Config:
        parts = [keras.saving.serialize_keras_object(c) for c in self.commentaries]
        return {**super().get_config(), "commentaries": parts, "shapes": self.shapes}

    def get_teaching_config(self) -> Config:
        parts = [
            {
                "class": keras.saving.get_registered_name(type(part)),
                "teaching_config": part.get_teaching_config(),
            }
            for part in self.commentaries
        ]
        return {**self.get_config(), "commentaries": parts}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        parts = map(keras.saving.deserialize_keras_object, config["commentaries"])
        return cls(**{**config, "commentaries": list(parts)})

    @classmethod
    def from_teaching_config(cls, config: Config) -> Self:
        parts = [
            make_applying(part["class"], part["teaching_config"])
            for part in config["commentaries"]
        ]
        return cls(**{**config, "commentaries": parts})


def _reads_beside(part):
    """Whether a part reads entries of x other than the student's."""
    return any(leaf.reads for leaf in part.parts())


def _size(shape):
    return tf.TensorShape(shape).num_elements()
