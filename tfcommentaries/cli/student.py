"""The student of a run: a network, and the loss and metrics that its labels need."""

import importlib
import inspect
import os

import keras
import numpy as np

from tfcommentaries import students
from tfcommentaries.cli.arguments import STUDENTS
from tfcommentaries.students.outputs import loss_for, metrics_for


def make_student(name, splits, learning_rate, commentary=None):
    """Makes a compiled student.

    Args:
        name: of `STUDENTS`, `"module:function"` or a `.keras` file; `None` takes one
            that suits the inputs.
        splits: `Splits`, for the inputs and the number of classes.
        learning_rate: of Adam.
        commentary: the `Commentary` that it is taught with, or `None`.

    Returns:
        A compiled `keras.Model`.

    Raises:
        ValueError: if there is no such student, or it does not suit the data.
    """
    shape, classes = splits.train.x.shape[1:], splits.num_classes
    with_distributions = commentary is not None and commentary.gives_distributions
    is_saved = bool(name) and name.endswith(".keras")
    is_ours = name is None or name in STUDENTS
    if is_saved:
        model = _load(name)
    elif classes is None or (is_ours and classes == 2 and not with_distributions):
        model = _find(name, shape)(shape, 1)
    else:
        model = _find(name, shape)(shape, classes)
    _check(model, name, shape, classes, with_distributions)
    scale = float(splits.train.y.std()) or 1.0
    if is_ours and classes is None:
        # Outputs on the scale of the labels, from the first step on.
        last = keras.layers.Rescaling(scale, float(splits.train.y.mean()))
        model = keras.Sequential([keras.Input(shape), model, last], name=model.name)
    if len(shape) == 1 and not is_saved:
        # Every new student keeps this layer.
        normalization = keras.layers.Normalization()
        normalization.adapt(splits.train.x)
        model = keras.Sequential(
            [keras.Input(shape), normalization, model], name=model.name
        )
    labels = "distributions" if with_distributions else labels_of(classes)
    loss, metrics = loss_for(model, labels), metrics_for(model, labels)
    # The loss is the unexplained share of the variance, whatever the unit.
    weights = [1 / scale**2] if classes is None else None
    if commentary is not None:
        model, loss = commentary.complete_student(model, loss)
        if commentary.main_output is not None:
            metrics = {commentary.main_output: metrics}
            weights = weights and {commentary.main_output: weights[0]}
    model.compile(keras.optimizers.Adam(learning_rate), loss, weights, metrics=metrics)
    return model


def untaught(commentary, examples):
    """Arrays for a student that is made for a commentary, but not taught by it.

    Args:
        commentary: a `Commentary`.
        examples: `(x, y)` arrays.

    Returns:
        `(x, y)`, or `(x, y, sample_weight)` if not all that the student gives counts.
    """
    batch = keras.utils.pack_x_y_sample_weight(*commentary.untaught(tuple(examples)))
    return keras.tree.map_structure(np.asarray, batch)


def labels_of(num_classes):
    """What kind of labels a student has, as `loss_for` calls it."""
    return "numbers" if num_classes is None else "classes"


def _check(model, name, shape, classes, with_distributions):
    """Raises a `ValueError` unless a model takes such inputs and gives such outputs."""
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"--student={name} must make a keras.Model. It made a "
            f"{type(model).__name__}."
        )
    sizes = {1} if classes is None else {classes}
    if classes == 2 and not with_distributions:
        sizes = {1, 2}
    taken = getattr(model, "input_shape", None)
    given = getattr(model, "output_shape", None)
    if taken is None or given is None:
        return  # A subclass, which raises when it is called.
    fits = isinstance(taken, tuple) and len(taken) == len(shape) + 1
    fits = fits and all(b in (None, a) for a, b in zip(shape, taken[1:]))
    fits = fits and isinstance(given, tuple) and len(given) == 2 and given[1] in sizes
    if not fits:
        needed = (
            "labels that are numbers, for which it must give one"
            if classes is None
            else f"{classes} classes, and it must give a number for each"
        )
        raise ValueError(
            f"--student={name} takes inputs of shape {taken} and gives outputs of "
            f"shape {given}, batch first; the data have inputs of shape {tuple(shape)} "
            f"and {needed}."
        )


def _find(name, shape):
    if name is None:
        return students.cbr if len(shape) == 3 else students.mlp
    if name in STUDENTS:
        return getattr(students, name)
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
        inspect.signature(found).bind(shape, 1)
        return found
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"There is no student {name!r} ({error}). Choose one of "
            f"{', '.join(STUDENTS)}, 'module:function' of a function of input_shape "
            "and num_classes that can be imported, or a .keras file."
        ) from error


def _load(path):
    """The model in a .keras file, which keeps its preprocessing."""
    if not os.path.isfile(path):
        raise ValueError(f"--student={path}: there is no such file.")
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # What Keras raises on damaged files no one has listed.
        raise ValueError(
            f"--student={path} cannot be loaded: {str(error)[:300]} A model with "
            "layers of your own needs their module: 'module:function'."
        ) from error
