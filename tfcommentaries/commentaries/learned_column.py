"""What is learned about the groups of one column."""

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.commentaries.group_columns import few, index_name, matched, title
from tfcommentaries.commentaries.group_counts import label_powers, only_classes
from tfcommentaries.commentaries.group_names import GroupNames
from tfcommentaries.commentaries.group_start import start_logits
from tfcommentaries.commentaries.group_table import GroupTable, advise
from tfcommentaries.typing import Config, Tensors
from tfcommentaries.upstream.index_check import checked_when_exported

#: Number of points in training at which a curriculum has separate weights.
POINTS = 5


class LearnedColumn:
    """The weights of the groups of one column, and what learning knows of them.

    Args:
        layer: the layer that gets the variables.
        name: of the column.
        groups: its `GroupNames`.
        shape: `(classes, points of training)` of the logits of one group.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        name: str,
        groups: GroupNames,
        shape: tuple[int, int],
    ) -> None:
        self.name = name
        self.groups = groups
        # Arrays: there may be very many, and TensorFlow looks at each of a list's
        # numbers, in every trace.
        self._names = np.array(groups.names, object)
        self._counts = np.array(groups.counts)
        #: Groups that the commentary from which learning started had not.
        self.new: list[str | int] = []

        def add(what, *shape, **options):
            # A name that SavedModels allow, as those of columns need not be.
            variable = re.sub(r"\W", "_", f"{name}_{what}", flags=re.ASCII)
            return layer.add_weight(shape, "zeros", name=variable, **options)

        number = len(groups.names)
        self.logits = add("logits", number, *shape)
        # The smallest and the largest weight of each group in several learnings; zeros
        # after a single one.
        self._interval = add("interval", number, 2, trainable=False)
        # Of each group, the unknown one first: see `label_powers`.
        self._observed = add(
            "observed",
            number + 1,
            3,
            dtype="float64",
            trainable=False,
            aggregation="sum",
        )

    def all_logits(self) -> tf.Tensor:
        """Logits `(groups + 1, classes, points)`; the first are of unknown groups.

        Those have the mean weight of the training data.
        """
        logits = tf.convert_to_tensor(self.logits)
        counts = self._counts[:, None, None] / self._counts.sum()
        share = tf.constant(counts, logits.dtype)
        mean = tf.reduce_sum(share * tf.sigmoid(logits), 0, keepdims=True)
        return tf.concat([tf.math.log(mean) - tf.math.log1p(-mean), logits], 0)

    def logits_of(self, x: dict[str, Tensors]) -> tf.Tensor:
        """Logits `(batch, classes, points)` of the groups of examples.

        Args:
            x: inputs that hold the integers of groups, as `add_groups` gives them.
        """
        index = tf.reshape(x[index_name(self.name)], [-1])
        size = len(self.groups.names) + 1
        message = f"The integer of a group must be from 0 to {size - 1}."
        index = checked_when_exported(index, size, message)
        return tf.gather(self.all_logits(), index)

    def start(
        self,
        agrees: Tensors,
        x: dict[str, Tensors],
        y: Tensors,
        chance: float | None,
    ) -> bool:
        """Sets logits to what `start_logits` gives; whether it gives any."""
        index, number = x[index_name(self.name)], len(self.groups.names)
        logits = start_logits(agrees, index, y, number, chance)
        if logits is None:
            return False
        shape = tuple(self.logits.shape)
        self.logits.assign(np.broadcast_to(logits[:, None, None], shape))
        return True

    def observe(self, x: dict[str, Tensors], y: Tensors) -> None:
        """Counts examples of each group, and their labels."""
        index = tf.reshape(x[index_name(self.name)], [-1])
        # Only those of the batch are touched: there may be very many groups.
        self._observed.value.scatter_add(
            tf.IndexedSlices(label_powers(y, index), index)
        )

    def check_learned(self) -> None:
        """Warns of groups of which learning has read no example, but of others."""
        seen = np.asarray(self._observed)[1:, 0]
        if seen.any() and not seen.all():
            lacking = self._names[seen == 0]
            warnings.warn(
                f"Learning has read no example of {len(lacking)} of {seen.size} "
                f"{title(self.name)}: {few(lacking)}. Their weights mean nothing. "
                "Shuffle the data over all files, or learn for more steps.",
                stacklevel=3,
            )

    def table(
        self,
        weights: np.ndarray,
        disagreement: Mapping[str, float],
        doubt: str | None,
    ) -> GroupTable:
        """A table of its groups, in their order.

        Args:
            weights: in (0, 1), `(groups, classes, points of training)`.
            disagreement: dict from a group to the share of labels that a student
                disagrees with.
            doubt: see `Commentary.doubt`.
        """
        last = weights[:, :, -1].mean(1)
        entries: dict[str, Any] = {
            "column": np.broadcast_to(np.array(self.name, object), len(last)),
            "group": self._names,
            "examples": self._counts,
            "weight": last.astype("float64"),
        }
        low, high = np.asarray(self._interval, "float64").T
        repeated = high > 0
        if repeated.any():
            # Rounding must not put the mean outside.
            entries["low"] = np.where(repeated, np.minimum(low, last), None)
            entries["high"] = np.where(repeated, np.maximum(high, last), None)
        if disagreement:
            known: dict[str | int, float] = {
                name: float(share) for name, share in disagreement.items()
            }
            entries["disagreement"] = [known.get(name) for name in self._names]
        if weights.shape[1] > 1:
            entries["weight_by_class"] = weights[:, :, -1].tolist()
        if weights.shape[2] > 1:
            entries["weight_over_training"] = weights.mean(1).tolist()
        observed = np.asarray(self._observed)[1:]
        if observed.any():
            entries["seen"] = observed[:, 0].astype(int)
            entries["only_class"] = only_classes(observed)
        if self.new:
            new = set(self.new)
            entries["new"] = [name in new or None for name in self._names]
        table = GroupTable(entries)
        table.entries["advice"] = advise(table.entries, doubt)
        return table

    def set_interval(self, weights: Sequence[np.ndarray]) -> None:
        """Keeps the smallest and the largest of several weights of each group.

        Args:
            weights: of all groups in each learning; empty forgets what was kept.
        """
        ends = [np.min(weights, 0), np.max(weights, 0)] if weights else [0, 0]
        self._interval.assign(np.zeros(self._interval.shape) + np.stack(ends, -1))

    def take_over(self, old: GroupNames, values: tf.Tensor) -> Config:
        """Takes the logits of groups of the same names; new ones get the mean weight.

        Args:
            old: `GroupNames` that the logits are of.
            values: `(old groups, classes, points)`.

        Returns:
            A dict of lists of the names of new groups and of those that are gone.

        Raises:
            ValueError: if the numbers of classes or of points differ.
        """
        logits, new, gone = matched(self.groups, old, np.asarray(values))
        if logits.shape[1:] != tuple(self.logits.shape[1:]):
            raise ValueError(
                f"Its weights for each of the {title(self.name)} are "
                f"{logits.shape[1:]}, but here {tuple(self.logits.shape[1:])}. Use the "
                "same `num_classes` and `curriculum`."
            )
        self.logits.assign(logits)
        self.new = new
        notes = {"new": new, "gone": gone}
        return {f"{what} {title(self.name)}": n for what, n in notes.items() if n}


def shares(progress: Tensors, dtype: str) -> tf.Tensor:
    """How much each point of training counts now, `(batch or 1, points)`."""
    progress = tf.reshape(tf.cast(progress, dtype), [-1, 1])
    points = tf.range(POINTS, dtype=dtype)
    return tf.nn.relu(1 - tf.abs(progress * (POINTS - 1) - points))
