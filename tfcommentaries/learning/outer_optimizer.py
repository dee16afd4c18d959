"""The optimizer of a commentary whose user gives none."""

import keras


def default_optimizer(commentary):
    """Makes an Adam that learns at the rate which a commentary suggests.

    Args:
        commentary: a `Commentary`. The parts of a `Composition` learn at a rate each.

    Returns:
        A Keras optimizer. Its `learning_rate` is the smallest of the parts' rates, and
        changing it changes the others in proportion.
    """
    smallest = commentary.suggested["learning_rate"]
    if len(commentary.parts()) > 1:
        return AdamOfParts(smallest, lambda: _rates(commentary))
    return keras.optimizers.Adam(smallest)


def _rates(commentary):
    """Learning rate of each trainable variable, by its id."""
    return {
        id(variable): part.suggested["learning_rate"]
        for part in commentary.parts()
        for variable in part.trainable_variables
    }


class AdamOfParts(keras.optimizers.Adam):
    """Adam with a learning rate for each variable.

    Args:
        learning_rate: the smallest.
        rates: function without arguments that gives the initial rates, by the id of
            the variable. Called when the variables exist.
    """

    def __init__(self, learning_rate, rates):
        super().__init__(learning_rate)
        self._smallest = learning_rate
        self._rates = rates
        self._factors = []

    def build(self, variables):
        super().build(variables)
        rates = self._rates()
        rates = [rates.get(id(v), self._smallest) for v in variables]
        self._factors = [rate / self._smallest for rate in rates]

    def update_step(self, gradient, variable, learning_rate):
        factor = self._factors[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate * factor)
