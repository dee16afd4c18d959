"""The student of a recipe."""

import importlib
import inspect

import keras

from tfcommentaries import commentaries
from tfcommentaries.students.outputs import loss_for


def make_student(recipe, x_spec, regression=False):
    """Makes the compiled student.

    Args:
        recipe: dict with all keys.
        x_spec: `tf.TensorSpec` of one example's inputs.
        regression: whether labels are numbers, not classes.

    Returns:
        A compiled Keras model. One that its function compiles keeps its loss; others
        get the loss that labels and commentary need, and for `AuxiliaryTargets` a
        second output.

    Raises:
        ValueError: if the student cannot be imported or made.
    """
    path, name = recipe["student"].rsplit(".", 1)
    try:
        function = getattr(importlib.import_module(path), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"The recipe's `student` {recipe['student']!r} cannot be imported: {error}"
        ) from error
    config = {"input_shape": tuple(x_spec.shape), **recipe["student_config"]}
    takes = inspect.signature(function).parameters
    if recipe["num_classes"] is not None and "num_classes" in takes:
        config.setdefault("num_classes", recipe["num_classes"])
    try:
        model = function(**config)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The recipe's `student` {recipe['student']} cannot be made with {config} "
            f"(`student_config` can add to these): {error}"
        ) from error
    if getattr(model, "compiled", False):
        return model
    kinds = kinds_of(recipe["commentary"], recipe["commentary_config"])
    if regression:
        loss = loss_for(model, "numbers")
    elif kinds & {"LabelBlending", "SoftLabels"}:
        loss = loss_for(model, "distributions")
    else:
        loss = loss_for(model, "classes")
    if "AuxiliaryTargets" in kinds:
        main, auxiliary = auxiliary_outputs(recipe)
        if not isinstance(model.output, dict):
            model = _with_second_output(model, recipe, main, auxiliary)
        soft = keras.losses.CategoricalCrossentropy(from_logits=True)
        loss = {main: loss, auxiliary: soft}
    model.compile(keras.optimizers.Adam(recipe["student_learning_rate"]), loss)
    return model


def kinds_of(name, config):
    """Names of the classes of a commentary and of its parts."""
    return {kind for kind, _ in _parts(name, config)}


def auxiliary_outputs(recipe):
    """Names of the student's own output and of that for `AuxiliaryTargets`."""
    config = _config_of("AuxiliaryTargets", recipe)
    return config.get("main", "main"), config.get("auxiliary", "auxiliary")


def make_commentary(name, config, num_classes, groups):
    """Makes a commentary, and the parts of a Composition.

    Args:
        name: name of the class.
        config: dict of its arguments; for a Composition a list of dicts
            `{"commentary": name, "commentary_config": {...}}` as `commentaries`.
        num_classes: for those that require it and whose config lacks it.
        groups: dict from columns to `GroupNames`, for a `GroupWeighting`.

    Returns:
        A `Commentary`.

    Raises:
        ValueError: if the arguments are not those of the class.
    """
    config = dict(config)
    made = getattr(commentaries, name)
    if name == "Composition":
        config["commentaries"] = [
            make_commentary(
                part["commentary"],
                part.get("commentary_config", {}),
                num_classes,
                groups,
            )
            for part in config.get("commentaries", ())
        ]
    if name == "GroupWeighting":
        config["groups"] = groups
    takes = inspect.signature(made).parameters
    needs_classes = "num_classes" in takes and takes["num_classes"].default is (
        inspect.Parameter.empty
    )
    if needs_classes and num_classes is not None:
        config.setdefault("num_classes", num_classes)
    try:
        return made(**config)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The recipe's `commentary_config` does not fit {name}: {error}"
        ) from error


def _config_of(kind, recipe):
    """The arguments of the part of this kind."""
    parts = _parts(recipe["commentary"], recipe["commentary_config"])
    return next(config for name, config in parts if name == kind)


def _parts(name, config):
    """Yields `(name, arguments)` of a commentary and, recursively, of its parts."""
    yield name, config
    for part in config.get("commentaries", ()) if name == "Composition" else ():
        yield from _parts(part["commentary"], part.get("commentary_config", {}))


def _with_second_output(model, recipe, main, auxiliary):
    """The model with another dense layer beside its last one."""
    size = _config_of("AuxiliaryTargets", recipe)["num_targets"]
    second = keras.layers.Dense(size, name=f"{auxiliary}_logits")
    outputs = {main: model.output, auxiliary: second(model.layers[-1].input)}
    return keras.Model(model.input, outputs, name=model.name)
