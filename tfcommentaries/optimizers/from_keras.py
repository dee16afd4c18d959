"""Makes a differentiable optimizer from a Keras one."""

import keras

from tfcommentaries.optimizers.adam import Adam
from tfcommentaries.optimizers.any_keras_optimizer import AnyKerasOptimizer
from tfcommentaries.optimizers.inner_optimizer import InnerOptimizer
from tfcommentaries.optimizers.nadam import Nadam
from tfcommentaries.optimizers.rmsprop import RMSprop
from tfcommentaries.optimizers.sgd import SGD

# By exact class: a subclass may change what a step does. These are faster than
# `AnyKerasOptimizer`, and their derivatives are finite at zero.
_DIFFERENTIABLE = {
    keras.optimizers.SGD: (SGD, ("momentum", "nesterov")),
    keras.optimizers.Adam: (Adam, ("beta_1", "beta_2", "epsilon", "amsgrad")),
    keras.optimizers.AdamW: (Adam, ("beta_1", "beta_2", "epsilon", "amsgrad")),
    keras.optimizers.Nadam: (Nadam, ("beta_1", "beta_2", "epsilon")),
    keras.optimizers.RMSprop: (RMSprop, ("rho", "momentum", "epsilon", "centered")),
}
_COMMON = ("weight_decay", "clipnorm", "global_clipnorm", "clipvalue")
# Options that a differentiable step does not have, with the value that is off.
_REFUSED = {"use_ema": False, "gradient_accumulation_steps": None}


def from_keras(optimizer, variables=None, eps_root=None):
    """Makes the differentiable form of a Keras optimizer.

    Args:
        optimizer: a Keras optimizer, its name, or a `LossScaleOptimizer` around one,
            whose loss scaling is left out. An `InnerOptimizer` is returned as it is.
        variables: the variables to be trained, to find those that the optimizer
            excludes from weight decay. `None` means that none is excluded; only SGD,
            Adam, AdamW, Nadam and RMSprop allow that.
        eps_root: of `Adam` and `Nadam`, which Keras's do not have; `None` keeps its
            default, and other optimizers ignore it.

    Returns:
        An `InnerOptimizer`.

    Raises:
        ValueError: if the optimizer has no differentiable form.
    """
    if isinstance(optimizer, InnerOptimizer):
        return optimizer
    optimizer = keras.optimizers.get(optimizer)
    if type(optimizer) is keras.optimizers.LossScaleOptimizer:
        optimizer = optimizer.inner_optimizer
    for option, off in _REFUSED.items():
        if (came := getattr(optimizer, option, off)) != off:
            raise ValueError(
                f"{type(optimizer).__name__}({option}={came!r}) has no "
                f"differentiable form. Set {option}={off!r}."
            )
    if type(optimizer) not in _DIFFERENTIABLE:
        if variables is None:
            raise ValueError(
                f"{type(optimizer).__name__} needs to know what it trains. Pass "
                "`variables`."
            )
        return AnyKerasOptimizer(optimizer, variables)
    cls, names = _DIFFERENTIABLE[type(optimizer)]
    kwargs = {name: getattr(optimizer, name) for name in names + _COMMON}
    # The schedule itself, as in `fit`: a user's own may have no config.
    rate = optimizer._learning_rate
    if isinstance(rate, keras.Variable):
        rate = float(keras.ops.convert_to_numpy(rate))
    if variables is not None and kwargs["weight_decay"] is not None:
        # Keras offers no public way to ask for exclusions.
        kwargs["decayed"] = [bool(optimizer._use_weight_decay(v)) for v in variables]
    if cls in (Adam, Nadam) and eps_root is not None:
        kwargs["eps_root"] = eps_root
    return cls(learning_rate=rate, **kwargs)
