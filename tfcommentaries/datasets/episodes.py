"""Few-shot tasks from a labelled data set."""

import numpy as np
import tensorflow as tf

from tfcommentaries.typing import Tensors


def episodes(
    x: Tensors,
    y: Tensors,
    ways: int = 5,
    shots: int = 1,
    queries: int = 15,
    seed: int = 0,
) -> tf.data.Dataset:
    """Makes endless N-way K-shot tasks.

    Each task takes `ways` classes at random, numbers them 0 to `ways - 1` at random,
    and draws `shots` support and `queries` other query examples of each.

    Args:
        x: inputs `(examples, ...)`, an array, or a `tf.data.Dataset` of `(x, y)`,
            not batched, which is read into memory; then `y` is `None`.
        y: integer labels `(examples,)`.
        ways: classes per task.
        shots: support examples per class.
        queries: query examples per class.
        seed: integer; the same seed gives the same tasks in the same order.

    Returns:
        A `tf.data.Dataset` of `((x, y), (x_query, y_query))` with `ways * shots` and
        `ways * queries` examples, labels int32.

    Raises:
        ValueError: if there are fewer classes than `ways`, or a class has too few
            examples.
    """
    if isinstance(x, tf.data.Dataset):
        pairs = list(x.as_numpy_iterator())
        x, y = (np.stack(part) for part in zip(*pairs)) if pairs else ((), ())
    y = np.asarray(y)
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) < ways:
        raise ValueError(
            f"Tasks of {ways} ways need as many classes, but the data have "
            f"{len(classes)}. Choose fewer ways."
        )
    each = shots + queries
    if counts.min() < each:
        raise ValueError(
            f"Tasks of {shots} shots and {queries} queries need {each} examples of "
            f"each class, but class {classes[counts.argmin()]} has {counts.min()}. "
            "Choose fewer, or leave out such classes."
        )
    # Rows of each class, filled up to the same length.
    rows = np.full((len(classes), counts.max()), -1)
    for i, label in enumerate(classes):
        rows[i, : counts[i]] = np.flatnonzero(y == label)
    x, rows, counts = tf.constant(x), tf.constant(rows), tf.constant(counts)

    @tf.autograph.experimental.do_not_convert
    def task(number):
        key = tf.stack([tf.cast(seed, tf.int64), number])
        chosen = tf.random.experimental.stateless_shuffle(tf.range(len(classes)), key)
        chosen = chosen[:ways]
        order = tf.random.stateless_uniform([ways, rows.shape[1]], key + [0, 1])
        missing = tf.gather(rows, chosen) < 0
        _, picked = tf.math.top_k(tf.where(missing, -1.0, order), each)
        index = tf.gather(tf.gather(rows, chosen), picked, batch_dims=1)
        labels = tf.repeat(tf.range(ways)[:, None], each, 1)

        def part(start, stop):
            flat = tf.reshape(index[:, start:stop], [-1])
            return tf.gather(x, flat), tf.reshape(labels[:, start:stop], [-1])

        return part(0, shots), part(shots, each)

    numbers = tf.data.Dataset.counter()
    return numbers.map(task, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
