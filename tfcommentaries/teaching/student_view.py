"""What a model sees of data for its commentary when it is tested."""

import keras

_STEPS = "test_step", "predict_step"


class StudentView:
    """Leaves out what a student does not see where a model is tested.

    Groups and ids stand beside the inputs for the commentary. `fit` splits them off
    for validation with the rest, and they are in what `evaluate` and `predict` get.

    Args:
        model: a `keras.Model`, which is as it was after `restore`.
        commentary: a `Commentary`, whose `student_inputs` is used.
    """

    def __init__(self, model, commentary):
        self._model = model
        self._own = {}
        for name in _STEPS:
            own = vars(model).get(name)
            # That of a view which was not restored.
            own = self._own[name] = getattr(own, "own", own)
            step = own or getattr(type(model), name).__get__(model)
            setattr(model, name, _student_step(step, commentary, own))
        _forget_functions(model)

    def restore(self):
        """Gives the model its own steps again."""
        for name, own in self._own.items():
            if own is not None:
                setattr(self._model, name, own)
            elif name in vars(self._model):
                delattr(self._model, name)
        _forget_functions(self._model)


def _student_step(step, commentary, own):
    def student_step(data):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        x = commentary.student_inputs(x)
        return step(keras.utils.pack_x_y_sample_weight(x, y, sample_weight))

    student_step.own = own
    return student_step


def _forget_functions(model):
    # Keras keeps what it has compiled of steps.
    model.test_function = model.predict_function = None
