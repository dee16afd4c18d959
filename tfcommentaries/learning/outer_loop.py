"""What a `keras.Model` is that only `fit` makes sense of."""

import keras


class OuterLoop(keras.Model):
    """A model whose `fit` runs outer steps, each of which trains students.

    What else a Keras model does to batches of examples it does not: that says what to
    do instead.
    """

    #: Where to look for what `evaluate` would be.
    evaluated_by = "`tfcommentaries.teaching.evaluate`, which trains new students"
    #: Where to look for what `predict` would be.
    predicted_by = (
        "its `commentary`, which annotates: `commentary(x, y=y, progress=1.0)`"
    )

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing: `fit` has built all, also what Keras cannot.

        Keras calls this under a distribution strategy to try `call` on a batch of
        the data, and fails with several workers.
        """

    def evaluate(self, *args, **kwargs):
        """Raises, since what was learned is measured on new students."""
        raise self._refusal("evaluates", self.evaluated_by)

    def predict(self, *args, **kwargs):
        """Raises, since a learner is no network."""
        raise self._refusal("predicts", self.predicted_by)

    def train_on_batch(self, *args, **kwargs):
        """Raises, since an outer step takes many batches."""
        raise self._refusal("trains on single batches of", "`fit(steps_per_epoch=1)`")

    test_on_batch = evaluate
    predict_on_batch = predict

    def save(self, *args, **kwargs):
        """Raises, since a learner is kept by its parts."""
        # Keras would have emptied a file that is there.
        self.get_config()

    def get_config(self):
        """Raises, since a learner is kept by its parts."""
        raise NotImplementedError(
            f"{type(self).__name__} cannot be saved itself: keep what it has learned, "
            "with `export_commentary` or `save_weights`, or let `fit` keep all of it "
            "with a checkpoint (`checkpoint_dir`, `keras.callbacks.BackupAndRestore`)."
        )

    def _refusal(self, does, instead):
        return NotImplementedError(
            f"{type(self).__name__} learns, and {does} no examples. Use {instead}."
        )
