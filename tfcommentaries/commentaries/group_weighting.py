"""One weight per group of examples: which sources of the data to trust."""

import re
import types
import warnings

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.commentaries.conditioning import check_labels, one_hot
from tfcommentaries.commentaries.group_columns import (
    columns_of,
    few,
    index_name,
    indices,
    matched,
    title,
    with_groups,
    with_indices,
    without_groups,
)
from tfcommentaries.commentaries.group_counts import label_sums
from tfcommentaries.commentaries.group_names import GroupNames
from tfcommentaries.commentaries.group_start import start_logits
from tfcommentaries.commentaries.group_table import GroupTable, advise, column_rows
from tfcommentaries.commentaries.trusting import Trusting
from tfcommentaries.commentaries.weighting import Weighting
from tfcommentaries.upstream.index_check import checked_when_exported

#: Number of points in training at which a curriculum has separate weights.
POINTS = 5


@keras.saving.register_keras_serializable(package="tfcommentaries")
class GroupWeighting(Trusting, Weighting):
    """Weights training examples by the group that they belong to.

    Groups can be annotators, sites, shops, years, vendors. Each group has one weight
    in (0, 1), so a few validation examples are enough to learn the weights, and people
    can read them: see `table`. The annotation of an example is the weight of its group
    divided by the mean weight of the training data, and `teach` multiplies
    `sample_weight` by it. The mean is not the batch's, so a batch may come from one
    group, or hold one example.

    `add_groups` puts the groups beside the inputs, where the student does not see
    them. An example of a group that was not seen in learning gets the mean weight.
    Validation data need no groups.

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
            strings or integers; or a dict of several such, by the names of the
            columns, whose logits are then added; or, if the names are known
            beforehand, `GroupNames` in place of the arrays.
        num_classes: number of classes if every group has a weight for each class, for
            sources that mix up some classes and not others.
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
        groups,
        num_classes=None,
        curriculum=False,
        normalize="data_mean",
        **kwargs,
    ):
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
        self.logits = {
            name: self.add_weight(
                # A name that SavedModels allow, as those of columns need not be.
                name=_variable_name(name, "logits"),
                shape=(len(c.names), *shape),
                initializer="zeros",
            )
            for name, c in self.columns.items()
        }
        #: Groups that the commentary from which learning started had not, by column.
        self._new = {}
        # Of each group, the unknown one first: number of examples in learning, sum of
        # their labels, sum of the squares.
        self._observed = {
            name: self.add_weight(
                name=_variable_name(name, "observed"),
                shape=(len(c.names) + 1, 3),
                initializer="zeros",
                dtype="float64",
                trainable=False,
                aggregation="sum",
            )
            for name, c in self.columns.items()
        }

    @property
    def uses_labels(self):
        return self.num_classes is not None

    @property
    def uses_progress(self):
        return self.curriculum

    @property
    def can_start(self):
        return not any(np.any(logits) for logits in self.logits.values())

    def start(self, x, y, agrees, chance=None):
        """Starts learning from which labels agree with a model of checked examples.

        `CommentaryLearner` does so by itself. By hand:

        >>> agrees = agreeing(make_model, (x_checked, y_checked), (x, y), 200, 32)
        >>> weighting.start(weighting.add_groups(x, source), y, agrees)
        >>> learner = CommentaryLearner(weighting, model, start_from_checked=False)

        The logit of each group becomes `clip(12 * (share - 0.8), -3, 3)`, where the
        share is how far its rate of agreement exceeds that of chance, relative to the
        best group's. The distance from 0.8 is smaller by the standard error of the
        share, so that a group of a few examples starts near 0, which is neutral. All
        do if a chi-squared test at 5 % finds no difference between groups, or if each
        holds a class of its own.

        Args:
            x: inputs with groups, as `add_groups` gives them.
            y: classes, integers `(examples,)`; `None` if labels are numbers.
            agrees: booleans `(examples,)`; for numbers, whether the model's error is
                below the median.
            chance: how often the label of another example would agree; `None` takes
                how often two examples have the same class.

        Returns:
            Whether that says anything: not if there are no two groups, or if the model
            is no better than chance.
        """
        found = indices(self.columns, self.prepare(x))
        told = False
        for name, logits in self.logits.items():
            index, number = found[index_name(name)], logits.shape[0]
            start = start_logits(agrees, index, y, number, chance)
            if start is not None:
                logits.assign(np.broadcast_to(start[:, None, None], logits.shape))
                told = True
        return told

    def build(self, x_shape, y_shape=None, progress_shape=None):
        self.built = True

    def add_groups(self, x, groups):
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

    def prepare(self, x):
        return with_indices(self.columns, x)

    @property
    def reads(self):
        return tuple(map(index_name, self.columns))

    def own_inputs(self, x):
        return indices(self.columns, x)

    def serving_spec(self, x_spec):
        return {
            name: tf.TensorSpec([None], column.dtype)
            for name, column in self.columns.items()
        }

    def call(self, x, y=None, progress=None):
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
        logits = []
        for name, column in self.columns.items():
            index = tf.reshape(x[index_name(name)], [-1])
            size = len(column.names) + 1
            message = f"The integer of a group must be from 0 to {size - 1}."
            index = checked_when_exported(index, size, message)
            logits.append(tf.gather(self._all_logits(name), index))
        logits = tf.add_n(logits)
        if self.num_classes is not None:
            label = one_hot(y, self.num_classes, self.compute_dtype, "GroupWeighting")
            logits *= label[:, :, None]
        logits = tf.reduce_sum(logits, 1)
        weights = tf.sigmoid(self._now(logits, progress))
        if self.normalize is None:
            return weights
        unknown = tf.add_n([self._all_logits(name)[:1] for name in self.columns])
        means = [self._now(point, progress) for point in tf.unstack(unknown, axis=1)]
        return weights / tf.reduce_mean(tf.sigmoid(tf.stack(means)), 0)

    def _now(self, logits, progress):
        """Logits `(batch or 1, points)` at this point of training, `(batch or 1,)`."""
        if self.curriculum:
            if progress is None:
                raise ValueError(
                    "This GroupWeighting is a curriculum. Pass `progress`, from 0 to 1."
                )
            logits = logits * self._shares(progress)
        return tf.reduce_sum(logits, -1)

    def _all_logits(self, name):
        """Logits `(groups + 1, classes, points)`; the first are of unknown groups."""
        logits = tf.convert_to_tensor(self.logits[name])
        # An array: TensorFlow looks at each of a list's numbers, in every trace.
        counts = np.array(self.columns[name].counts, "float64")
        share = tf.constant((counts / counts.sum())[:, None, None], logits.dtype)
        mean = tf.reduce_sum(share * tf.sigmoid(logits), 0, keepdims=True)
        return tf.concat([tf.math.log(mean) - tf.math.log1p(-mean), logits], 0)

    def _shares(self, progress):
        """How much each point of training counts now, `(batch or 1, points)`."""
        progress = tf.reshape(tf.cast(progress, self.compute_dtype), [-1, 1])
        points = tf.range(POINTS, dtype=self.compute_dtype)
        return tf.nn.relu(1 - tf.abs(progress * (POINTS - 1) - points))

    def student_inputs(self, x):
        return without_groups(self.columns, x)

    def check_batch(self, x, y):
        if self.uses_labels:
            check_labels(y, self.num_classes, "GroupWeighting")

    def observe(self, x, y):
        for name, observed in self._observed.items():
            observed.assign_add(label_sums(x[index_name(name)], y, observed.shape[0]))

    def check_learned(self):
        for name, column in self.columns.items():
            seen = np.asarray(self._observed[name])[1:, 0]
            if seen.any() and not seen.all():
                lacking = np.array(column.names, object)[seen == 0]
                warnings.warn(
                    f"Learning has read no example of {len(lacking)} of {seen.size} "
                    f"{title(name)}: {few(lacking)}. Their weights mean nothing. "
                    "Shuffle the data over all files, or learn for more steps.",
                    stacklevel=2,
                )

    def table(self, disagreement=None):
        """Lists the weight of each group, with advice.

        Args:
            disagreement: dict from a group's name to the share of its labels that a
                student disagrees with, as `1 - rate` of `teaching.agreement_rates`.

        Returns:
            A `GroupTable`: a list of dicts `{"column", "group", "examples", "weight",
            "advice"}` and, where they apply, `"disagreement"`, `"weight_by_class"` (a
            list), `"weight_over_training"` (a list, from start to end), `"seen"` (how
            many examples learning read, repeats included), `"only_class"` (the class
            of all of these) and `"new"` (`True` if learning started from a commentary
            without this group); largest weights first. The weight is the mean over
            classes, at the end of training. With several columns it is that of an
            example whose other groups are unknown.

        Warns:
            UserWarning: if no weight has been learned yet.
        """
        rows = []
        if self.can_start:
            warnings.warn(
                "All weights of this GroupWeighting are 0.5, as before learning, so "
                "its table says nothing about the groups. Let `CommentaryLearner` or "
                "`LearnCommentaryCallback` learn them first.",
                stacklevel=2,
            )
        for name, column in self.columns.items():
            others = [n for n in self.columns if n != name]
            rest = sum(self._all_logits(other)[0] for other in others)
            found = column_rows(
                name,
                column,
                tf.sigmoid(self._all_logits(name)[1:] + rest).numpy(),
                np.asarray(self._observed[name])[1:],
                self._new.get(name, ()),
                disagreement or {},
            )
            advise(found, self.doubt)
            rows += found
        rows.sort(key=lambda row: -row["weight"])
        return GroupTable(rows, self.doubt)

    def take_over(self, values, config):
        """See `Commentary.take_over`. Groups are matched by name.

        New ones start at the mean weight of the others.

        Returns:
            A dict from "new groups" and "gone groups", by column, to lists of names.
        """
        others = dict(zip(config["groups"], values, strict=True))
        notes = {}
        for name, column in self.columns.items():
            logits = self.logits[name]
            if name not in others:
                notes[f"new column {name!r}"] = list(column.names)
                continue
            old = GroupNames(**config["groups"][name])
            rows, new, gone = matched(column, old, others[name].numpy())
            if rows.shape[1:] != tuple(logits.shape[1:]):
                raise ValueError(
                    f"Its weights for each of the {title(name)} are {rows.shape[1:]}, "
                    f"but here {tuple(logits.shape[1:])}. Use the same `num_classes` "
                    "and `curriculum`."
                )
            logits.assign(rows)
            self._new[name] = new
            for what, found in ("new", new), ("gone", gone):
                if found:
                    notes[f"{what} {title(name)}"] = found
        return notes

    def __repr__(self):
        groups = ", ".join(
            f"{len(column.names)} {title(name)}"
            for name, column in self.columns.items()
        )
        return f"<GroupWeighting: {groups}, {'not ' if self.can_start else ''}learned>"

    def get_config(self):
        return {
            **super().get_config(),
            "groups": {name: c.get_config() for name, c in self.columns.items()},
            "num_classes": self.num_classes,
            "curriculum": self.curriculum,
        }

    @classmethod
    def from_config(cls, config):
        groups = {name: GroupNames(**c) for name, c in config["groups"].items()}
        return cls(**{**config, "groups": groups})

    from_teaching_config = from_config


def _variable_name(column, what):
    """A name that TensorFlow takes, whatever that of the column is."""
    return re.sub(r"\W", "_", f"{column}_{what}", flags=re.ASCII)
