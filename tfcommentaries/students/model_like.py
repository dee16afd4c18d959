"""A new model like another, with newly drawn weights."""

import contextlib

import keras

from tfcommentaries.upstream.private_names import Functional


def model_like(model, inputs=None):
    """Makes a model of the same architecture, not compiled.

    Neither the loss nor the layers need to be registered with Keras.

    Args:
        model: a built `keras.Model`, functional, Sequential or subclassed.
        inputs: a batch to build a subclassed model on.

    Returns:
        A built `keras.Model` with as many variables, in the same order.

    Raises:
        ValueError: if the model cannot be made again from its config.
    """
    try:
        if isinstance(model, keras.Sequential | Functional):
            models = [m for m in model._flatten_layers() if isinstance(m, keras.Model)]
            # Copies need no loss: a user's own has no config.
            with all_with(models, "compiled", False):
                new = keras.models.clone_model(
                    model, clone_function=_layer_like, recursive=True
                )
        else:
            new = _layer_like(model)
        if len(built(new, inputs).variables) != len(model.variables):
            raise ValueError("the copy has other variables")
        return new
    except Exception as error:
        raise ValueError(
            f"The student {model.name!r} ({type(model).__name__}) cannot be made "
            "again from its config, which fresh initial weights need. Pass a "
            "function that makes the compiled student instead of the student, "
            f"or use `student_initialization='fixed'`. The error was: "
            f"{str(error).strip()[:200]}"
        ) from error


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
