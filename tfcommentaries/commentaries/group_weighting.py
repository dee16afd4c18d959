"""One weight per group of examples: which sources of the data to trust."""

import types
import warnings
from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.commentaries.conditioning import check_labels, one_hot
from tfcommentaries.commentaries.group_columns import (
    columns_of,
    index_name,
    indices,
    title,
    with_groups,
    with_indices,
    without_groups,
)
from tfcommentaries.commentaries.group_names import GroupNames, Groups
from tfcommentaries.commentaries.group_table import GroupTable
from tfcommentaries.commentaries.learned_column import POINTS, LearnedColumn, shares
from tfcommentaries.commentaries.trusting import Trusting
from tfcommentaries.commentaries.weighting import Weighting
from tfcommentaries.typing import (
    ArrayLike,
    Config,
    LayerOptions,
    Self,
    Shapes,
    Tensors,
    Unpack,
)


@keras.saving.register_keras_serializable(package="tfcommentaries")
class GroupWeighting(Trusting, Weighting):
    """Weights training examples by the group that they belong to.

    Groups can be annotators, sites, shops, years or vendors. Each group has one weight
    in (0, 1), so a few validation examples are enough to learn the weights, and people
    can read them: see `table`. The annotation of an example is the weight of its group
    divided by the mean weight of the training data, and `teach` multiplies
    `sample_weight` by it. Since this is not the mean of a batch, a batch may come from
    one group, or hold one example.

    `add_groups` puts the groups beside the inputs; the student does not see them. An
    example of an unknown group gets the mean weight. Validation data need no groups.

    Example, `source` being an array of names, one per example:

    >>> weighting = GroupWeighting(source)
    >>> grouped = weighting.add_groups(x, source)
    >>> learner = CommentaryLearner(weighting, model)
    >>> learner.compile()
    >>> learner.fit((grouped, y), validation_data=(x_checked, y_checked))
    >>> print(weighting.table())
    >>> model.fit(grouped, y, callbacks=[CommentaryCallback(weighting)])
    >>> kept = weighting.trusts(grouped)  # Or:
    >>> model.fit(x[kept], y[kept])

    Args:
        groups: the group of each training example: an array, list or pandas series of
            strings or integers; a dict of several columns by name, whose logits are
            added; or `GroupNames` in place of the arrays.
        num_classes: number of classes, if every group has a weight for each class, for
            sources that confuse some classes and not others.
        curriculum: whether the weights change over training.
        normalize: `"data_mean"` divides the weights by their mean over the training
            data, by the number of examples of each group (classes count alike, and
            columns as if they were independent); `None` leaves them in (0, 1).
        **kwargs: arguments of `Commentary`.

    Reference:
        [Pan et al., ScaleBiO, one weight per source of data](
            https://arxiv.org/abs/2406.19976)
    """

    kind = "group_weighting"
    description = "how much each source of the data should count"
    needs = ("groups",)
    mean = "data_mean"
    looks_up = True
    suggested = types.MappingProxyType(
        {
            **Commentary.suggested,
            "learning_rate": 0.2,
            "warmup": 20,
            "steps": 200,
            "outer_steps": 10,
        }
    )

    def __init__(
        self,
        groups: Groups,
        num_classes: int | None = None,
        curriculum: bool = False,
        normalize: str | None = "data_mean",
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(normalize=normalize, **kwargs)
        if num_classes is not None:
            self._check_number("num_classes", num_classes)
        self.columns = columns_of(groups)
        for number, column in enumerate(self.columns.values()):
            # So that an exported commentary keeps them.
            setattr(self, f"_table_{number}", column.table)
        self.num_classes = num_classes
        self.curriculum = curriculum
        shape = num_classes or 1, POINTS if curriculum else 1
        self._learned = {
            name: LearnedColumn(self, name, column, shape)
            for name, column in self.columns.items()
        }

    @property
    def logits(self) -> dict[str, keras.Variable]:
        """Logits of the weights by the names of the columns.

        `(groups, num_classes or 1, points of training)` each.
        """
        return {name: column.logits for name, column in self._learned.items()}

    @property
    def uses_labels(self) -> bool:
        return self.num_classes is not None

    @property
    def uses_progress(self) -> bool:
        return self.curriculum

    @property
    def can_start(self) -> bool:
        return not any(np.any(logits) for logits in self.logits.values())

    def start(
        self, x: Tensors, y: Tensors, agrees: ArrayLike, chance: float | None = None
    ) -> bool:
        """Starts weights from how often labels agree with a model of checked examples.

        `CommentaryLearner` does so by itself. By hand:

        >>> agrees = agreeing(make_model, (x_checked, y_checked), (x, y), 200, 32)
        >>> weighting.start(weighting.add_groups(x, source), y, agrees)
        >>> learner = CommentaryLearner(weighting, model, start_from_checked=False)

        The logit of each group becomes `clip(12 * (share - 0.8), -3, 3)`. The share is
        the excess of its rate of agreement over chance, relative to the best group's.
        Its distance from 0.8 is reduced by its standard error, so that a group of few
        examples starts near 0, which is neutral. All groups start at 0 if a chi-squared
        test at 5 % finds no difference between them, or if each holds one class.

        Args:
            x: inputs with groups, as `add_groups` gives them.
            y: classes, integers `(examples,)`; `None` if labels are numbers.
            agrees: booleans `(examples,)`; for numbers, whether the model's error is
                below the median.
            chance: how often the label of another example would agree; `None` takes
                how often two examples have the same class.

        Returns:
            Whether weights were started: not with fewer than two groups, nor with a
            model that is no better than chance.
        """
        found = indices(self.columns, self.prepare(x))
        columns = self._learned.values()
        return any([column.start(agrees, found, y, chance) for column in columns])

    def build(
        self, x_shape: Shapes, y_shape: Shapes = None, progress_shape: Shapes = None
    ) -> None:
        self.built = True

    def add_groups(self, x: Tensors, groups: Groups) -> dict[str, Tensors]:
        """Puts the groups of examples beside their inputs.

        Args:
            x: inputs of the student: an array, a pandas table of numbers, a tensor, or
                a dict or a list of such.
            groups: as for the constructor; or tensors, for use in `Dataset.map`.

        Returns:
            A dict to pass as `x` where this commentary teaches: the entries of x, or
            `"x"`, and for each column the integers of the groups.

        Raises:
            TypeError: if x is a data set.
            ValueError: if these are not the columns of this commentary, x has entries
                with their names, or there are not as many groups as examples.
        """
        return with_groups(self.columns, x, groups)

    def prepare(self, x: Tensors) -> Tensors:
        return with_indices(self.columns, x)

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(map(index_name, self.columns))

    def own_inputs(self, x: Tensors) -> Tensors:
        return indices(self.columns, x)

    def call(
        self, x: Tensors, y: Tensors = None, progress: Tensors = None
    ) -> tf.Tensor:
        """Gives the weight of each example.

        Args:
            x: a dict with the groups: names, or integers as `add_groups` gives them.
            y: labels: integers `(batch,)` or `(batch, 1)`, or rows
                `(batch, num_classes)`. Needed if `num_classes` was given.
            progress: 0 to 1, scalar or `(batch,)`. Needed with `curriculum`.

        Returns:
            Weights relative to the mean weight, so that 1 is the mean, `(batch,)`; in
            (0, 1) with `normalize=None`.
        """
        logits = tf.add_n([c.logits_of(x) for c in self._learned.values()])
        if self.num_classes is not None:
            label = one_hot(y, self.num_classes, self.compute_dtype, "GroupWeighting")
            logits *= label[:, :, None]
        logits = tf.reduce_sum(logits, 1)
        weights = tf.sigmoid(self._now(logits, progress))
        if self.normalize is None:
            return weights
        unknown = tf.add_n([c.all_logits()[:1] for c in self._learned.values()])
        means = [self._now(point, progress) for point in tf.unstack(unknown, axis=1)]
        return weights / tf.reduce_mean(tf.sigmoid(tf.stack(means)), 0)

    def _now(self, logits, progress):
        """Logits `(batch or 1, points)` at this point of training, `(batch or 1,)`."""
        if self.curriculum:
            if progress is None:
                raise ValueError(
                    "This GroupWeighting is a curriculum. Pass `progress`, from 0 to 1."
                )
            logits = logits * shares(progress, self.compute_dtype)
        return tf.reduce_sum(logits, -1)

    def student_inputs(self, x: Tensors) -> Tensors:
        return without_groups(self.columns, x)

    def check_batch(self, x: Tensors, y: Tensors) -> None:
        if self.uses_labels:
            check_labels(y, self.num_classes, "GroupWeighting")

    def observe(self, x: Tensors, y: Tensors) -> None:
        for column in self._learned.values():
            column.observe(x, y)

    def check_learned(self) -> None:
        for column in self._learned.values():
            column.check_learned()

    def table(self, disagreement: Mapping[str, float] | None = None) -> GroupTable:
        """Lists the weight of each group, with advice.

        Args:
            disagreement: dict from a group's name to the share of its labels that a
                student disagrees with, as `1 - rate` of `teaching.agreement_rates`.

        Returns:
            A `GroupTable`, largest weights first. The weight of a group is the mean
            over classes, at the end of training. With several columns it is that of
            an example whose other groups are unknown.

        Warns:
            UserWarning: if no weight has been learned yet.
        """
        if self.can_start:
            warnings.warn(
                "All weights of this GroupWeighting are 0.5, as before learning, so "
                "its table says nothing about the groups. Let `CommentaryLearner` or "
                "`LearnCommentaryCallback` learn them first.",
                stacklevel=2,
            )
        tables = [
            column.table(self._weights(name), disagreement or {}, self.doubt)
            for name, column in self._learned.items()
        ]
        return GroupTable.joined(tables, self.doubt)

    def _weights(self, name):
        """Weights in (0, 1) of one column, `(groups, classes, points)`."""
        others = [c for n, c in self._learned.items() if n != name]
        rest = sum(other.all_logits()[0] for other in others)
        return tf.sigmoid(self._learned[name].all_logits()[1:] + rest).numpy()

    def combine(self, learnings: Sequence[Sequence[tf.Tensor]]) -> None:
        """See `Commentary.combine`. Logits become the mean of those learned."""
        found: dict[str, list] = {name: [] for name in self.columns}
        for values in learnings:
            for logits, value in zip(self.logits.values(), values, strict=True):
                logits.assign(value)
            for name, ones in found.items():
                ones.append(self._weights(name)[:, :, -1].mean(1))
        for logits, values in zip(self.logits.values(), zip(*learnings)):
            logits.assign(np.mean(values, 0))
        for name, column in self._learned.items():
            column.set_interval(found[name])

    def take_over(self, values: Sequence[tf.Tensor], config: Config) -> Config:
        """See `Commentary.take_over`. Groups are matched by name.

        New ones start at the mean weight of the others.

        Returns:
            A dict from "new groups" and "gone groups", by column, to lists of names.
        """
        others = dict(zip(config["groups"], values, strict=True))
        notes = {}
        for name, column in self._learned.items():
            if name not in others:
                notes[f"new column {name!r}"] = list(column.groups.names)
                continue
            old = GroupNames(**config["groups"][name])
            notes |= column.take_over(old, others[name])
        return notes

    def __repr__(self):
        groups = ", ".join(
            f"{len(column.names)} {title(name)}"
            for name, column in self.columns.items()
        )
        return f"<GroupWeighting: {groups}, {'not ' if self.can_start else ''}learned>"

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "groups": {name: c.get_config() for name, c in self.columns.items()},
            "num_classes": self.num_classes,
            "curriculum": self.curriculum,
        }

    @classmethod
    def from_config(cls, config: Config) -> Self:
        groups = {name: GroupNames(**c) for name, c in config["groups"].items()}
        return cls(**{**config, "groups": groups})

    from_teaching_config = from_config
