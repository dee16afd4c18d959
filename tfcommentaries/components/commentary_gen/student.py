"""The student of a recipe."""

import importlib
import inspect

import keras

from tfcommentaries.students.outputs import loss_for


def make_student(recipe, commentary, x_spec, labels, num_classes=None):
    """Makes the compiled student.

    Args:
        recipe: `PipelineRecipe`.
        commentary: the `Commentary` that it is taught with.
        x_spec: `tf.TensorSpec` of one example's inputs.
        labels: `"classes"` or `"numbers"`.
        num_classes: number of classes, if it is known.

    Returns:
        A compiled Keras model. One that its function compiles keeps its loss; others
        get the loss that labels and commentary need, and the outputs that the
        commentary needs besides.

    Raises:
        ValueError: if the student cannot be imported or made.
    """
    path, name = recipe.student.rsplit(".", 1)
    try:
        function = getattr(importlib.import_module(path), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"The recipe's `student` {recipe.student!r} cannot be imported: {error}"
        ) from error
    config = {"input_shape": tuple(x_spec.shape), **recipe.student_config}
    takes = inspect.signature(function).parameters
    if num_classes is not None and "num_classes" in takes:
        config.setdefault("num_classes", num_classes)
    try:
        model = function(**config)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The recipe's `student` {recipe.student} cannot be made with {config} "
            f"(`student_config` can add to these): {error}"
        ) from error
    if getattr(model, "compiled", False):
        return model
    if commentary.gives_distributions:
        labels = "distributions"
    model, loss = commentary.complete_student(model, loss_for(model, labels))
    model.compile(keras.optimizers.Adam(recipe.student_learning_rate), loss)
    return model
