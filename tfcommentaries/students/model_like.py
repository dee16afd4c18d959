"""Newly drawn weights, from a new model like another."""

import contextlib
import warnings

import keras

from tfcommentaries.upstream.private_names import Functional


def fresh_values(model, variables, inputs=None):
    """Draws variables as a new model of the same architecture has them.

    Neither the loss nor the layers need to be registered with Keras. LoRA that was
    enabled after a layer was made is enabled in the new one too.

    Args:
        model: a built `keras.Model`, functional, Sequential or subclassed.
        variables: some of its variables.
        inputs: a batch to build a subclassed model on.

    Returns:
        A dict from the `id` of each variable to a variable of the new model.

    Raises:
        ValueError: if the model cannot be made again from its config.
    """
    if isinstance(model, keras.Sequential | Functional):
        # Without running the new layers, which takes longest. Not all can be built so.
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _values(variables, _layers_like(model, variables))
    try:
        return _values(variables, [(model, built(_model_like(model), inputs))])
    except Exception as error:
        raise ValueError(
            f"The student {model.name!r} ({type(model).__name__}) cannot be made "
            "again from its config, which fresh initial weights need. Pass a "
            "function that makes the compiled student instead of the student, "
            f"or use `student_initialization='fixed'`. The error was: "
            f"{str(error).strip()[:200]}"
        ) from error


def check_is_keras(model):
    """Raises a `TypeError` if this is no model of the Keras that is imported here."""
    if isinstance(model, keras.Model):
        return
    makers = [cls.__module__ for cls in type(model).__mro__]
    if any(
        maker.startswith(("tf_keras", "tensorflow.python.keras")) for maker in makers
    ):
        raise TypeError(
            f"The model {model.name!r} is one of Keras 2 (tf_keras), but this package "
            "works with Keras 3. Make it with `import keras` instead, and unset "
            "TF_USE_LEGACY_KERAS."
        )
    raise TypeError(
        "A student must be a compiled keras.Model or a function that makes one. "
        f"Received: {type(model).__name__} {model!r:.80}"
    )


def built(model, inputs):
    """Gives the model with all of its variables.

    Args:
        model: a `keras.Model`.
        inputs: a batch to build it on, if it is not built; or `None`.
    """
    if not model.built and inputs is not None:
        model(inputs, training=False)
    return model


@contextlib.contextmanager
def all_with(objects, name, value):
    """Context in which an attribute of all objects has a value."""
    before = [getattr(one, name) for one in objects]
    for one in objects:
        setattr(one, name, value)
    try:
        yield
    finally:
        for one, old in zip(objects, before):
            setattr(one, name, old)


def _values(variables, copies):
    """A dict from the `id` of each variable to that of a copy.

    Args:
        variables: variables of layers.
        copies: pairs of a layer and one like it.
    """
    found = {}
    for own, other in (pair for copy in copies for pair in _pairs_of_layers(*copy)):
        if getattr(own, "lora_enabled", False) and not other.lora_enabled:
            other.enable_lora(own.lora_rank)
        found |= {id(a): b for a, b in _pairs_of_variables(own, other)}
    for variable in variables:
        if id(variable) not in found:
            raise ValueError(f"the copy has no variable like {variable.path!r}")
    return {id(v): found[id(v)] for v in variables}


def _layers_like(model, variables):
    """Pairs of a layer that has the variables, in a graph of layers, and a new one."""
    wanted = {id(v) for v in variables}
    for layer in model.layers:
        if not wanted.intersection(map(id, layer.variables)):
            continue
        if isinstance(layer, keras.Sequential | Functional):
            yield from _layers_like(layer, variables)
        else:
            new = _layer_like(layer)
            new.build_from_config(layer.get_build_config())
            yield layer, new


def _model_like(model):
    if not isinstance(model, keras.Sequential | Functional):
        return _layer_like(model)
    models = [m for m in model._flatten_layers() if isinstance(m, keras.Model)]
    # Copies need no loss: a user's own has no config.
    with all_with(models, "compiled", False):
        try:
            return keras.models.clone_model(
                model, clone_function=_layer_like, recursive=True
            )
        except Exception:
            # A class of its own may know how to make layers that have no config.
            if type(model) in (keras.Model, keras.Sequential, Functional):
                raise
            return _layer_like(model)


def _layer_like(layer):
    """A layer or subclassed model like this one, not built, with separate weights."""
    try:
        return type(layer).from_config(layer.get_config())
    except Exception:
        # Keras has added arguments that the class does not take.
        given = getattr(layer, "_auto_config", None)
        if given is None:
            raise
        return type(layer)(**given.config)


def _pairs_of_layers(own, new):
    """A layer and its copy, then likewise all layers inside."""
    yield own, new
    ours, theirs = (one._flatten_layers(False, False) for one in (own, new))
    named = {layer.name: layer for layer in ours}
    if set(named) >= {layer.name for layer in theirs}:
        # Clones of functional models keep names, but not the order.
        pairs = [(named[layer.name], layer) for layer in theirs]
    else:
        pairs = zip(ours, theirs)
    for a, b in pairs:
        if isinstance(a, type(b)):  # Copies of functional models are plain ones.
            yield from _pairs_of_layers(a, b)


def _pairs_of_variables(own, new):
    """Variables of a layer itself with those of its copy, which may have fewer."""
    ours, theirs = (
        one._trainable_variables
        + one._non_trainable_variables
        + [generator.state for generator in one._seed_generators]
        for one in (own, new)
    )
    if [v.name for v in ours] != [v.name for v in theirs]:
        named = {v.name: v for v in theirs}
        ours = [v for v in ours if v.name in named]
        theirs = [named[v.name] for v in ours]
    return [(a, b) for a, b in zip(ours, theirs) if a.shape == b.shape]
