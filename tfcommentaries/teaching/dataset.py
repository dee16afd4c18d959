"""Teaching inside a tf.data pipeline."""

from collections.abc import Callable

import keras
import tensorflow as tf

from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.saving import load_commentary
from tfcommentaries.teaching.progress import progress_schedule
from tfcommentaries.typing import Path


def teach(
    dataset: tf.data.Dataset,
    commentary: Commentary | Path,
    total_steps: int | None = None,
    progress: str | Callable[[tf.Tensor], tf.Tensor] = "stretch",
    learned_steps: int | None = None,
    trusted: bool = False,
) -> tf.data.Dataset:
    """Applies a commentary to each batch of a data set.

    Example:

    >>> taught = teach(train.repeat(), "path/to/commentary", total_steps=1000)
    >>> model.fit(taught, epochs=10, steps_per_epoch=100)

    Args:
        dataset: batches `(x, y)` or `(x, y, sample_weight)`. Each batch counts as a
            step, so it must hold the batches of the whole training: call `.repeat()`
            before `teach`, not after.
        commentary: a `Commentary`, or the path of an exported one.
        total_steps: number of batches of the whole training. `None` takes the data
            set's cardinality, if it is known.
        progress: as for `progress_schedule`.
        learned_steps: as for `progress_schedule`; `None` takes the number in the
            exported commentary.
        trusted: whether to keep only the examples of trusted groups, unweighted,
            instead of teaching; see `GroupWeighting.trusts`. All batches but the last
            have the size of the first.

    Raises:
        TypeError: if `dataset` is not a data set or `commentary` not a commentary.
        ValueError: with `trusted`, if there are no groups or no group is trusted.

    Returns:
        A data set of `(x, y, sample_weight)`, or `(x, y)` if there are no weights.
    """
    if not isinstance(dataset, tf.data.Dataset):
        raise TypeError(
            "`teach(dataset, commentary)` takes a batched tf.data.Dataset, such as "
            "`tf.data.Dataset.from_tensor_slices((x, y)).batch(32)`; for one batch of "
            "arrays there is `commentary.teach(x, y)`. Received: "
            f"{type(dataset).__name__}"
        )
    commentary, learned_steps = load_commentary(commentary, learned_steps)
    if trusted:
        return _trusted(dataset, commentary)
    labels = tf.nest.flatten(dataset.element_spec[1:2])
    numbers = {spec.shape[0] for spec in labels if spec.shape.rank == 1}
    if numbers == {1}:
        commentary.check_batch_size(1)
    if total_steps is None:
        cardinality = int(dataset.cardinality())
        total_steps = cardinality if cardinality > 0 else None
    schedule = None
    if commentary.uses_progress:
        schedule = progress_schedule(progress, total_steps, learned_steps)

    def teach_batch(step, batch):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        now = None if schedule is None else schedule(step)
        x, y, sample_weight = commentary.teach(x, y, sample_weight, now)
        if sample_weight is None:
            return x, y
        return x, y, sample_weight

    return dataset.enumerate().map(
        lambda step, *batch: teach_batch(step, batch[0] if len(batch) == 1 else batch),
        num_parallel_calls=tf.data.AUTOTUNE,
    )


def _trusted(dataset, commentary):
    """The examples of trusted groups, as a student without the commentary gets them."""
    if not commentary.columns:
        raise ValueError(
            "`trusted=True` keeps examples of trusted groups, but a "
            f"{type(commentary).__name__} of the kind {commentary.kind!r} has none."
        )

    def keep(*batch):
        kept = commentary.trusts(batch[0])
        untaught = commentary.untaught((commentary.prepare(batch[0]), *batch[1:]))
        return tf.nest.map_structure(
            lambda part: tf.boolean_mask(part, kept),
            keras.utils.pack_x_y_sample_weight(*untaught),
        )

    first = next(iter(dataset.take(1)), None)
    size = 1 if first is None else len(tf.nest.flatten(first)[0])
    return dataset.map(keep, num_parallel_calls=tf.data.AUTOTUNE).rebatch(size)
