"""One weight per group of examples: which sources of the data to trust."""

import types
import warnings

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.commentaries.conditioning import check_labels, one_hot
from tfcommentaries.commentaries.group_names import GroupNames
from tfcommentaries.commentaries.group_table import GroupTable
from tfcommentaries.commentaries.index_check import checked_when_exported
from tfcommentaries.commentaries.weights import check_normalize, weigh

#: Number of points in training at which a curriculum has separate weights.
POINTS = 5


@keras.saving.register_keras_serializable(package="tfcommentaries")
class GroupWeighting(Commentary):
    """Weights training examples by the group that they belong to.

    Groups can be annotators, sites, shops, years, vendors. Each has one weight in
    (0, 1), so a few validation examples say much about it, and what was learned is
    readable: see `table`. `teach` multiplies `sample_weight` by it, after dividing by
    the mean over the batch.

    `add_groups` puts the groups beside the inputs, where the student does not see
    them. An example of a group that was not seen in learning gets the mean weight.
    Validation data need no groups.

    Example, `source` being an array of names, one per example:

    >>> weighting = GroupWeighting(source)
    >>> grouped = weighting.add_groups(x, source)
    >>> learner = CommentaryLearner(weighting, model)
    >>> learner.compile()
    >>> learner.fit((grouped, y), validation_data=(x_checked, y_checked), epochs=4)
    >>> print(weighting.table())
    >>> model.fit(grouped, y, callbacks=[CommentaryCallback(weighting)])

    Args:
        groups: the group of each training example: an array, list or pandas series of
            strings or integers; or a dict of several such, by the names of the
            columns, whose logits are then added; or, if the names are known
            beforehand, `GroupNames` in place of the arrays.
        num_classes: number of classes if every group has a weight for each class, for
            sources that mix up some classes and not others.
        curriculum: whether the weights change over training.
        normalize: `"batch_mean"` divides the weights by their mean over the batch when
            teaching; `None` does not.
        **kwargs: arguments of `Commentary`.

    Reference:
        [Pan et al., ScaleBiO, one weight per source of data](
            https://arxiv.org/abs/2406.19976)
    """

    kind = "group_weighting"
    reads_beside = True
    suggested = types.MappingProxyType(
        {"learning_rate": 0.2, "warmup": 20, "steps": 200}
    )

    def __init__(
        self,
        groups,
        num_classes=None,
        curriculum=False,
        normalize="batch_mean",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_normalize(normalize)
        columns = groups if isinstance(groups, dict) else {"group": groups}
        if not columns:
            raise ValueError("`groups` is empty: name at least one column.")
        self.columns = {
            name: column
            if isinstance(column, GroupNames)
            else GroupNames.of_column(column, _title(name))
            for name, column in columns.items()
        }
        # So that an exported commentary keeps them.
        self._lookups = [column.lookup for column in self.columns.values()]
        self.num_classes = num_classes
        self.curriculum = curriculum
        self.normalize = normalize
        shape = num_classes or 1, POINTS if curriculum else 1
        self.logits = {
            name: self.add_weight(
                name=f"{name}_logits", shape=(len(c.names), *shape), initializer="zeros"
            )
            for name, c in self.columns.items()
        }

    @property
    def uses_labels(self):
        return self.num_classes is not None

    @property
    def uses_progress(self):
        return self.curriculum

    def build(self, x_shape, y_shape=None, progress_shape=None):
        self.built = True

    def add_groups(self, x, groups):
        """Puts the groups of examples beside their inputs.

        Args:
            x: inputs of the student: an array, a pandas table of numbers, a tensor, or
                a dict of such.
            groups: as for the constructor; or tensors, for use in `Dataset.map`.

        Returns:
            A dict to pass as `x` where this commentary teaches: the entries of x, or
            `"x"`, and for each column the integers of the groups.

        Raises:
            ValueError: if there are not as many groups as examples.
        """
        groups = groups if isinstance(groups, dict) else {"group": groups}
        if hasattr(x, "to_numpy"):
            x = x.to_numpy()
        x = dict(x) if isinstance(x, dict) else {"x": x}
        for name, column in groups.items():
            for inputs in x.values():
                counts = _length(inputs), _length(column)
                if None not in counts and counts[0] != counts[1]:
                    raise ValueError(
                        f"There must be as many {_title(name)} as examples. Received: "
                        f"{counts[1]} for {counts[0]} examples"
                    )
        return self.prepare({**x, **groups})

    def prepare(self, x):
        if not isinstance(x, dict):
            return x
        x = dict(x)
        for name, column in self.columns.items():
            if name in x and _index(name) not in x:
                given = x.pop(name)
                index = column.index(given, _title(name))
                if isinstance(index, np.ndarray):
                    self._warn_of_unknown(name, given, index)
                x[_index(name)] = index
        return x

    def _warn_of_unknown(self, name, given, index):
        if (index == 0).any():
            unknown = np.unique(np.asarray(given)[index == 0]).tolist()
            warnings.warn(
                f"{(index == 0).sum()} of {index.size} examples are of {_title(name)} "
                f"that were not seen in learning: {_few(unknown)}. They get the mean "
                "weight.",
                stacklevel=4,
            )

    def sees(self, x):
        lacking = [
            name
            for name in self.columns
            if not isinstance(x, dict) or _index(name) not in x
        ]
        if lacking:
            came = sorted(x) if isinstance(x, dict) else "inputs alone"
            raise ValueError(
                f"This GroupWeighting needs the {_few(map(_title, lacking))} of each "
                f"example beside its inputs. Received: {came}. Give "
                "`weighting.add_groups(x, groups)` as x."
            )
        return {_index(name): x[_index(name)] for name in self.columns}

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
            Weights in (0, 1), `(batch,)`.
        """
        logits = []
        for name, column in self.columns.items():
            index = tf.reshape(x[_index(name)], [-1])
            size = len(column.names) + 1
            message = f"The integer of a group must be from 0 to {size - 1}."
            index = checked_when_exported(index, size, message)
            logits.append(tf.gather(self._all_logits(name), index))
        logits = tf.add_n(logits)
        if self.num_classes is not None:
            label = one_hot(y, self.num_classes, self.compute_dtype, "GroupWeighting")
            logits *= label[:, :, None]
        logits = tf.reduce_sum(logits, 1)
        if self.curriculum:
            if progress is None:
                raise ValueError(
                    "This GroupWeighting is a curriculum. Pass `progress`, from 0 to 1."
                )
            logits *= self._shares(progress)
        return tf.sigmoid(tf.reduce_sum(logits, -1))

    def _all_logits(self, name):
        """Logits `(groups + 1, classes, points)`; the first are of unknown groups."""
        logits = tf.convert_to_tensor(self.logits[name])
        counts = tf.constant(self.columns[name].counts, logits.dtype)
        share = (counts / tf.reduce_sum(counts))[:, None, None]
        mean = tf.reduce_sum(share * tf.sigmoid(logits), 0, keepdims=True)
        return tf.concat([tf.math.log(mean) - tf.math.log1p(-mean), logits], 0)

    def _shares(self, progress):
        """How much each point of training counts now, `(batch or 1, points)`."""
        progress = tf.reshape(tf.cast(progress, self.compute_dtype), [-1, 1])
        points = tf.range(POINTS, dtype=self.compute_dtype)
        return tf.nn.relu(1 - tf.abs(progress * (POINTS - 1) - points))

    def apply(self, annotation, x, y, sample_weight=None):
        weights = weigh(annotation, sample_weight, self.normalize, y)
        return self.student_inputs(x), y, weights

    def student_inputs(self, x):
        if not isinstance(x, dict):
            return x
        hidden = {*self.columns, *map(_index, self.columns)}
        left = {key: value for key, value in x.items() if key not in hidden}
        return left["x"] if set(left) == {"x"} else left

    def check_batch(self, x, y):
        if self.uses_labels:
            check_labels(y, self.num_classes, "GroupWeighting")

    def table(self, disagreement=None):
        """What was learned, group by group.

        Args:
            disagreement: dict from a group's name to the share of its labels that a
                student disagrees with, as `1 - rate` of `teaching.agreement_rates`.

        Returns:
            A `GroupTable`: a list of dicts `{"column", "group", "examples", "weight"}`
            and, where they apply, `"disagreement"`, `"weight_by_class"` (a list) and
            `"weight_over_training"` (a list, from start to end); largest weights
            first. The weight is the mean over classes, at the end of training. With
            several columns it is that of an example whose other groups are unknown.

        Warns:
            UserWarning: if no weight has been learned yet.
        """
        rows = []
        if not any(np.any(logits) for logits in self.logits.values()):
            warnings.warn(
                "All weights of this GroupWeighting are 0.5, as before learning, so "
                "its table says nothing of the groups. Let `CommentaryLearner` or "
                "`LearnCommentaryCallback` learn them first.",
                stacklevel=2,
            )
        for name, column in self.columns.items():
            others = [n for n in self.columns if n != name]
            rest = sum(self._all_logits(other)[0] for other in others)
            weights = tf.sigmoid(self._all_logits(name)[1:] + rest).numpy()
            for group, count, weight in zip(column.names, column.counts, weights):
                row = {
                    "column": name,
                    "group": group,
                    "examples": count,
                    "weight": float(weight[:, -1].mean()),
                }
                if disagreement is not None and group in disagreement:
                    row["disagreement"] = float(disagreement[group])
                if self.num_classes is not None:
                    row["weight_by_class"] = weight[:, -1].tolist()
                if self.curriculum:
                    row["weight_over_training"] = weight.mean(0).tolist()
                rows.append(row)
        return GroupTable(sorted(rows, key=lambda row: -row["weight"]))

    def get_config(self):
        return {
            **super().get_config(),
            "groups": {name: c.get_config() for name, c in self.columns.items()},
            "num_classes": self.num_classes,
            "curriculum": self.curriculum,
            "normalize": self.normalize,
        }

    @classmethod
    def from_config(cls, config):
        groups = {name: GroupNames(**c) for name, c in config["groups"].items()}
        return cls(**{**config, "groups": groups})

    from_teaching_config = from_config


def _index(column):
    """Name of the entry of x with the integers of a column."""
    return f"{column}_index"


def _title(column):
    """What to call a column in messages."""
    return "groups" if column == "group" else f"groups of {column!r}"


def _length(values):
    """The number of examples, or `None` for one alone or if it is not known."""
    if tf.is_tensor(values):
        return values.shape[0] if values.shape.rank else None
    return len(values) if np.ndim(values) else None


def _few(names, most=5):
    names = list(map(str, names))
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
