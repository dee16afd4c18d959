"""Which state of a student training never changes."""

import keras
import tensorflow as tf

from tfcommentaries.upstream.custom_gradients import forgotten_custom_gradients


class Unchanging:
    """The non-trainable variables of a student that no training step changes.

    Found once for the same layers that train.

    Args:
        student: `FunctionalStudent`.
    """

    def __init__(self, student):
        self._student = student
        #: Which layers trained, and identities of the variables.
        self._known = None, set()

    def variables(self, inputs):
        """Identities of these variables.

        Args:
            inputs: a batch that the student takes; `None` if it is a graph of layers.
        """
        if self._known[0] != self._training_layers():
            self._find(inputs)
        return self._known[1]

    def see(self, weights, after):
        """Learns it from one step in training mode that is made anyway, if it can.

        Layers that are not Keras's own may change some of their state only at times,
        which a graph shows and one step does not.

        Args:
            weights: `StudentWeights` before the step.
            after: the state that `FunctionalStudent.loss` gave.
        """
        with_state = (
            type(layer)
            for layer in self._student.model._flatten_layers()
            if layer._non_trainable_variables or layer._seed_generators
        )
        if all(cls.__module__.startswith("keras.") for cls in with_state):
            self._note(weights, after)

    def _find(self, inputs):
        student = self._student
        if inputs is None:  # A graph of layers, built by its maker.
            inputs = getattr(student.model, "_functional", student.model)._inputs_struct
        spec = keras.tree.map_structure(
            lambda t: tf.TensorSpec([None, *t.shape[1:]], t.dtype), inputs
        )

        def step(weights, x):
            _, after = student.predict(weights, x, training=True)
            self._note(weights, after)
            return after

        with forgotten_custom_gradients():
            traced = tf.function(step, autograph=False)
            traced.get_concrete_function(student.weights, spec)

    def _note(self, weights, after):
        others = self._student.model.non_trainable_variables
        before = weights.non_trainable
        same = {id(v) for v, a, b in zip(others, before, after) if b is a}
        self._known = self._training_layers(), same

    def _training_layers(self):
        layers = self._student.model._flatten_layers()
        return [(id(layer), layer.trainable) for layer in layers]
