"""Any Keras optimizer, differentiable."""

import inspect

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.optimizers.inner_optimizer import InnerOptimizer
from tfcommentaries.upstream.private_names import BaseOptimizer

#: TensorFlow's form of these methods changes `tf.Variable`s, out of reach of a
#: `keras.StatelessScope`; Keras's general form changes Keras variables.
_GENERAL = "assign", "assign_add", "assign_sub", "_var_key", "_apply_weight_decay"
#: Where Keras's optimizers keep mean squared gradients that they scale steps by.
_MEAN_SQUARES = "_velocity_hats", "_velocities", "_accumulators", "_accumulated_grads"


def mean_squares(optimizer):
    """Mean squared gradients of a Keras optimizer in use.

    Args:
        optimizer: a built Keras optimizer, also one that scales losses.

    Returns:
        Its variables with them, one per weight, or `None` if it has none.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    for name in _MEAN_SQUARES:
        if getattr(optimizer, name, None):
            return getattr(optimizer, name)
    return None


def unbuilt_like(optimizer, cls=None):
    """A new Keras optimizer like another, without its state.

    Args:
        optimizer: a Keras optimizer. Its schedule is shared: a user's own may have no
            config, nor a function that gives the learning rate.
        cls: class of the new one; that of the other by default.
    """
    new = (cls or type(optimizer)).from_config(_config(optimizer))
    if not isinstance(optimizer._learning_rate, keras.Variable):
        new.learning_rate = optimizer._learning_rate
    return new


def _config(optimizer):
    if isinstance(optimizer._learning_rate, keras.Variable):
        return optimizer.get_config()
    # Keras copies through the config, and tracks what is set as an attribute.
    fixed = object.__new__(type(optimizer))
    rate = keras.Variable(1.0, trainable=False)
    vars(fixed).update(vars(optimizer), _learning_rate=rate)
    return fixed.get_config()


class AnyKerasOptimizer(InnerOptimizer):
    """Runs the steps of a Keras optimizer on tensors, even one of a user's own class.

    Gradients flow as the optimizer's operations let them. The root of a zero has none:
    `SGD`, `Adam` and `RMSprop` of this package are safe there.

    Args:
        optimizer: a Keras optimizer. It is not changed.
        variables: the variables to be trained.

    Raises:
        ValueError: if an update is more than a step for each weight, if the initial
            state is not the same for all students, or if the optimizer cannot be made
            again from its config.
    """

    def __init__(self, optimizer, variables):
        super().__init__(learning_rate=None)  # The optimizer has its own.
        self.name = type(optimizer).__name__
        self._variables = list(variables)
        self._optimizer = _general_form(optimizer, self._variables)
        try:
            self._optimizer.build(self._variables)
            weights = [tf.zeros(v.shape, v.dtype) for v in self._variables]
            step = tf.function(self.update, autograph=False).get_concrete_function(
                weights, self.init(weights), weights, tf.constant(0)
            )
        except Exception as error:
            raise _refusal(self.name, f"the error was: {error}") from error
        if _assigns(step.graph):
            raise _refusal(self.name, "its state is in variables that are not Keras's")
        if any(np.ptp(slot) > 0 for slot in self.init(weights) if tf.size(slot) > 0):
            raise _refusal(self.name, "its state begins with a student's weights")

    def check_derivative(self):
        """Raises a `ValueError` if no gradient flows through a step."""
        generator = np.random.default_rng(0)
        weights, gradients = (
            [
                tf.constant(generator.normal(size=v.shape), v.dtype)
                for v in self._variables
            ]
            for _ in range(2)
        )
        with tf.GradientTape() as tape:
            tape.watch(gradients)
            # More than one, since the learning rate may begin at zero.
            after = [
                self.update(gradients, self.init(weights), weights, step)[0]
                for step in (0, 1, 1000)
            ]
        slopes = tape.gradient(after, gradients, unconnected_gradients="zero")
        size = sum(float(tf.reduce_sum(tf.abs(slope))) for slope in slopes)
        if not 0 < size < np.inf:
            raise ValueError(
                f"Steps of {self.name} have no derivative by the gradients that is "
                "finite and not zero, so nothing can be learned by unrolling them. "
                "Compile the student with another optimizer, or pass "
                "`inner_training=ImplicitTraining()`."
            )

    @property
    def _slots(self):
        # Steps are counted outside, and the learning rate stays or follows from them.
        count, rate = self._optimizer.iterations, self._optimizer._learning_rate
        return [
            v for v in self._optimizer.variables if v is not count and v is not rate
        ]

    def init(self, weights):
        return [tf.convert_to_tensor(v) for v in self._slots]

    def update(self, gradients, slots, weights, step):
        optimizer = self._optimizer
        count = tf.cast(step, optimizer.iterations.dtype)
        mapping = [
            (optimizer.iterations, count),
            *zip(self._slots, slots, strict=True),
            *zip(self._variables, weights, strict=True),
        ]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            # Without the rest of `apply`: constraints and loss scaling, which are the
            # student's.
            optimizer._backend_apply_gradients(gradients, self._variables)
        return tuple(
            [tf.convert_to_tensor(scope.get_current_value(v)) for v in variables]
            for variables in (self._variables, self._slots)
        )

    def mean_squares(self, slots):
        found = mean_squares(self._optimizer)
        if found is None:
            return None
        values = {id(v): value for v, value in zip(self._slots, slots, strict=True)}
        return [values[id(v)] for v in found]


def _refusal(name, reason):
    return ValueError(
        f"{name} has no differentiable form: {reason}. Compile the student with "
        "another optimizer, or pass your own tfcommentaries.optimizers.InnerOptimizer "
        "as `optimizer`."
    )


def _general_form(optimizer, variables):
    """The same optimizer, unbuilt, whose steps a `keras.StatelessScope` can follow."""
    cls = type(optimizer)
    config = _config(optimizer)
    parameters = inspect.signature(cls.__init__).parameters.values()
    several = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    named = {p.name for p in parameters if p.kind not in several} - {"self"}
    if named - set(config):
        raise ValueError(
            f"{cls.__name__} cannot be made again from its config, which lacks "
            f"{', '.join(sorted(named - set(config)))}. Add them in its `get_config`."
        )
    general = keras.optimizers.Optimizer
    for name in ("apply", "_backend_apply_gradients", "_backend_update_step"):
        if getattr(cls, name) is not getattr(general, name):
            raise _refusal(cls.__name__, "it does more than a step for each weight")
    decayed = {id(v) for v in variables if optimizer._use_weight_decay(v)}

    def update_step_of_all(self, gradients, variables, learning_rate):
        for gradient, variable in zip(gradients, variables, strict=True):
            self.update_step(gradient, variable, learning_rate)

    methods = {
        name: getattr(BaseOptimizer, name)
        for name in _GENERAL
        if getattr(cls, name) is getattr(general, name)
    }
    methods["_use_weight_decay"] = lambda _, variable: id(variable) in decayed
    methods["_backend_update_step"] = update_step_of_all
    return unbuilt_like(optimizer, type(cls.__name__, (cls,), methods))


def _assigns(graph):
    """Whether running a graph changes variables."""
    definition = graph.as_graph_def()
    nodes = [*definition.node]
    for function in definition.library.function:
        nodes += function.node_def
    return any(
        node.op.startswith(("Assign", "ResourceScatter", "ResourceApply"))
        for node in nodes
    )
