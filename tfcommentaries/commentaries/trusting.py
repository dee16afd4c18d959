"""Which groups, and which of their examples, to train on instead of weighing them."""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from tfcommentaries.commentaries.group_columns import index_name, indices
from tfcommentaries.commentaries.group_names import GroupNames
from tfcommentaries.typing import Tensors


class Trusting:
    """What all commentaries with groups can say: which to trust.

    They have `columns`, `GroupNames` by the names of the columns; `table`, which gives
    a `GroupTable`; and `prepare`.
    """

    columns: Mapping[str, GroupNames]
    prepare: Callable[[Tensors], Tensors]

    def trusted(self) -> list[str | int] | dict[str, list[str | int]]:
        """The groups to train on instead of using the weights.

        Returns:
            A list of names, as from `GroupTable.trusted`; if there are several columns,
            a dict of such by the names of the columns.

        Raises:
            ValueError: if there are no groups.
        """
        table = self._table_of_groups()
        found = {name: table.trusted(name) for name in table.columns}
        return found if len(found) > 1 else found.popitem()[1]

    def trusts(self, x: Tensors) -> Tensors:
        """Whether examples are of trusted groups, in all columns.

        Example:

        >>> kept = weighting.trusts(x_grouped)
        >>> model.fit(x[kept], y[kept])

        Args:
            x: inputs with groups, as `add_groups` gives them.

        Returns:
            Booleans `(examples,)`, an array or a tensor as the groups are. Unknown
            groups are not trusted.

        Raises:
            ValueError: if there are no groups, or none is trusted.
        """
        with tf.init_scope():
            table = self._table_of_groups()
        if not table.trusted():
            raise ValueError(
                f"{type(self).__name__} trusts no group, so no example would be left. "
                f"{table.doubt or 'Learn it first.'}"
            )
        found = indices(self.columns, self.prepare(x))
        kept = []
        for name in table.columns:
            trusted = {*table.trusted(name)}
            known = [group in trusted for group in self.columns[name].names]
            index = tf.reshape(found[index_name(name)], [-1])
            kept.append(tf.gather([False, *known], index))
        kept = tf.reduce_all(kept, 0)
        arrays = all(isinstance(index, np.ndarray) for index in found.values())
        return kept.numpy() if arrays else kept

    def _table_of_groups(self):
        table = self.table()
        if table is None:
            raise ValueError(
                f"A commentary of the kind {self.kind!r} has no groups to trust. Use a "
                "GroupWeighting, alone or in a Composition."
            )
        return table
