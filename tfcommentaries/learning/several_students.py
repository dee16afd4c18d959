"""Several students in one outer step, one after another and over replicas."""

import tensorflow as tf


def students_here(total):
    """How many of the students of one outer step this replica trains."""
    return total // tf.distribute.get_strategy().num_replicas_in_sync


def check_students(students, initialization):
    """Raises a `ValueError` if one outer step cannot train so many students."""
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if students < 1 or students % replicas:
        raise ValueError(
            "`students_per_step` must be a multiple of the number of replicas, "
            f"{replicas}. Received: students_per_step={students}"
        )
    if initialization == "continue" and students > 1:
        raise ValueError(
            "`student_initialization='continue'` goes on with one student. "
            f"Received: students_per_step={students}"
        )


def mean_over_students(train_one, data, total, signature):
    """Averages the hypergradients of all students. Called on a replica.

    Args:
        train_one: function from `(batches, validation_batch)` to
            `(loss, hypergradient, outputs)`, the loss divided by the number of
            replicas, as Keras's losses are.
        data: `(batches, validation_batch)` with a leading axis of the students of
            this replica.
        total: students of all replicas.
        signature: dtypes of what `train_one` gives.

    Returns:
        `(losses, hypergradient, outputs)`: losses and outputs of this replica's
        students, with a leading axis; the mean hypergradient of all students.
    """
    count = students_here(total)
    # Workers get batches whose leading axis is not known.
    data = tf.nest.map_structure(
        lambda t: tf.ensure_shape(t, [count, *t.shape[1:]]), data
    )

    def train(i):
        return train_one(tf.nest.map_structure(lambda t: t[i], data))

    if count == 1:
        # The common case needs no loop around the training.
        found = tf.nest.map_structure(lambda t: t[None], train(0))
    else:
        # A loop over the data themselves would copy them.
        found = tf.map_fn(
            train,
            tf.range(count),
            parallel_iterations=1,
            fn_output_signature=signature,
        )
    losses, hypergradient, outputs = found
    hypergradient = [tf.reduce_mean(g, 0) for g in hypergradient]
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync > 1:
        hypergradient = context.all_reduce("SUM", hypergradient)
    return losses, hypergradient, outputs
