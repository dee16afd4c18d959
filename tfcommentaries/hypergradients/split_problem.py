"""A student whose batches are split over devices."""

import keras
import tensorflow as tf

from tfcommentaries.hypergradients.inner_problem import InnerProblem
from tfcommentaries.upstream.private_names import inside_xla


class SplitProblem(InnerProblem):
    """An `InnerProblem` in which several devices share each training batch.

    Each computes the gradient of its part, and its part of the derivative of the step.
    The commentary is applied to the whole batch before. As with Keras under a
    `tf.distribute.MirroredStrategy`, batch normalisation takes the statistics of a
    part, and moving statistics are the mean over parts.

    Args:
        devices: names of devices, such as `("GPU:0", "GPU:1")`.
        commentary: a built `Commentary`, or `None`; not one of the student's losses.
        *args: as for `InnerProblem`.

    Raises:
        ValueError: if fewer than two devices are named, or one is not there, or for
            such a commentary, or under a strategy.
    """

    def __init__(self, devices, commentary, *args):
        if commentary is not None and commentary.uses_student_loss:
            raise ValueError(
                f"A {type(commentary).__name__} weighs by the losses of a whole batch. "
                "Leave out `devices`."
            )
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            raise ValueError(
                "Under a strategy with several replicas each trains its own students. "
                "Leave out `devices`, or the strategy."
            )
        super().__init__(commentary, *args)
        self.devices = [_known(device) for device in devices]
        if len(set(self.devices)) != len(self.devices) or len(self.devices) < 2:
            raise ValueError(
                "`devices` must name at least two, each once. Received: "
                f"{', '.join(map(str, devices)) or 'none'}"
            )

    def _differentiate(
        self, annotation, values, non_trainable, batch, weights_of, scale
    ):
        if inside_xla():
            raise ValueError(
                "XLA compiles for one device only, and `devices` names several. Pass "
                "`jit_compile=False` to `compile`."
            )
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        if annotation:
            x, y, sample_weight = self.commentary.apply(
                annotation[0], x, y, sample_weight
            )
        parts = self._parts((x, y, sample_weight))
        found, counters = [], non_trainable
        for device, part in zip(self.devices, parts, strict=True):
            # Seeds go from part to part, so that each draws other numbers.
            state = [
                value if value.dtype.is_floating else counter
                for value, counter in zip(non_trainable, counters)
            ]

            def gradients(values, state, part):
                return super(SplitProblem, self)._differentiate(
                    [], values, state, part, weights_of, scale
                )

            gradient, counters = _placed(gradients, device)(values, state, part)
            found.append((gradient, counters))
        gradients, states = zip(*found)
        states = [
            _mean(state) if state[0].dtype.is_floating else state[-1]
            for state in zip(*states)
        ]
        return [_mean(gradient) for gradient in zip(*gradients)], states

    def _parts(self, batch):
        """Splits all tensors of a batch into as many parts as there are devices."""
        number = len(self.devices)
        flat = [t for t in tf.nest.flatten(batch) if t is not None]
        size = flat[0].shape[0]
        if size is not None and size % number:
            raise ValueError(
                f"A batch of {size} examples cannot be split evenly over {number} "
                f"devices. Choose a multiple of {number} as `batch_size`."
            )
        split = [
            [None] * number if t is None else tf.split(t, number)
            for t in tf.nest.flatten(batch)
        ]
        return [tf.nest.pack_sequence_as(batch, part) for part in zip(*split)]


def _known(device):
    """The full name of a device."""
    asked = tf.DeviceSpec.from_string(str(device))
    names = [one.name for one in tf.config.list_logical_devices()]
    for name in names:
        spec = tf.DeviceSpec.from_string(name)
        both = spec.device_type, spec.device_index
        if both == (asked.device_type, asked.device_index):
            return name
    raise ValueError(f"There is no device {device!r}. There are: {', '.join(names)}")


def _is_float(tensor):
    return tensor is not None and tensor.dtype.is_floating


def _mean(tensors):
    return tf.add_n(tensors) / len(tensors)


def _placed(function, device):
    """A function of structures that runs on a device, as does its derivative.

    Without that, TensorFlow would run all derivatives on the first device.
    """

    def run(*structures):
        flat = tf.nest.flatten(structures)
        floats = [i for i, t in enumerate(flat) if _is_float(t)]
        others = {}

        @tf.custom_gradient
        def placed(*given):
            whole = list(flat)
            with tf.device(device):
                with tf.GradientTape(persistent=True) as tape:
                    tape.watch(given)
                    for i, value in zip(floats, given):
                        whole[i] = value
                    found = function(*tf.nest.pack_sequence_as(structures, whole))
                others["found"] = found
                results = [t for t in tf.nest.flatten(found) if _is_float(t)]

            def gradient(*upstream):
                with tf.device(device):
                    return tape.gradient(
                        results,
                        given,
                        upstream,
                        unconnected_gradients=tf.UnconnectedGradients.ZERO,
                    )

            return tuple(results), gradient

        results = iter(placed(*(flat[i] for i in floats)))
        return tf.nest.map_structure(
            lambda t: next(results) if _is_float(t) else t, others["found"]
        )

    return run
