"""Several workers of one `tf.distribute` strategy that learn together."""

import tensorflow as tf


def check_strategy():
    """Raises a `ValueError` under a strategy whose workers do not keep step."""
    strategy = tf.distribute.get_strategy()
    if isinstance(strategy, tf.distribute.ParameterServerStrategy):
        raise ValueError(
            "Learning needs a strategy whose replicas take each step together, such "
            "as MirroredStrategy or MultiWorkerMirroredStrategy, or none. Received: "
            f"{type(strategy).__name__}"
        )


def is_chief(resolver):
    """Whether this process writes what all workers share.

    Args:
        resolver: a `ClusterResolver`, or `None`, as a strategy has it.
    """
    if resolver is None or not resolver.task_type:
        return True
    if "chief" in resolver.cluster_spec().jobs:
        return resolver.task_type == "chief"
    return resolver.task_type == "worker" and resolver.task_id == 0


def gather(strategy, number):
    """Integers of all replicas, the chief's first. Waits until every worker calls it.

    Args:
        strategy: a `tf.distribute.Strategy`.
        number: integer of this process.

    Returns:
        A list of integers, in the same order in every process.
    """
    if strategy.cluster_resolver is None:
        return [number]

    @tf.function(autograph=False)
    def all_numbers():
        context = tf.distribute.get_replica_context()
        return context.all_gather(tf.constant([number], tf.int64), axis=0)

    found = strategy.experimental_local_results(strategy.run(all_numbers))
    return found[0].numpy().tolist()


def spread_by_element(dataset):
    """A data set of which every worker reads all and takes its share of each batch.

    TensorFlow would give workers files of their own, of which there may be one.
    """
    options = tf.data.Options()
    policy = tf.data.experimental.AutoShardPolicy.DATA
    options.experimental_distribute.auto_shard_policy = policy
    return dataset.with_options(options)
