"""Progress of a student's training, as the commentary sees it."""

import tensorflow as tf


def progress_schedule(schedule, total_steps, learned_steps=None):
    """Makes a function from a training step to training progress.

    Args:
        schedule: `"stretch"`: the commentary's curriculum is stretched or
            compressed over the whole training, `step / total_steps`. `"clip"`: it
            runs at the pace at which it was learned and then stays at its end,
            `min(step / learned_steps, 1)`. Or a function from the step, an integer
            tensor, to progress.
        total_steps: steps of the whole training; a number or a variable.
        learned_steps: student steps that the commentary was learned for.

    Returns:
        A function from an integer scalar to a float32 scalar.

    Raises:
        ValueError: if the schedule is unknown or a number is missing.
    """
    if callable(schedule):
        return lambda step: tf.cast(schedule(step), tf.float32)
    if schedule == "stretch":
        steps = total_steps
    elif schedule == "clip":
        steps = learned_steps
    else:
        raise ValueError(
            "`progress` must be 'stretch', 'clip' or a function of the step. "
            f"Received: {schedule!r}"
        )
    if steps is None:
        name = "total_steps" if schedule == "stretch" else "learned_steps"
        raise ValueError(
            f"progress={schedule!r} needs to know `{name}`, which is not known here. "
            f"Pass `{name}=`."
        )

    def progress(step):
        fraction = tf.cast(step, tf.float32) / tf.cast(steps, tf.float32)
        return tf.clip_by_value(fraction, 0.0, 1.0)

    return progress
