"""A base class for models that only have a `fit`."""

import keras

from tfcommentaries.learning.workers import check_strategy


class OuterLoop(keras.Model):
    """A model whose `fit` runs outer steps, each of which trains students.

    Other methods that Keras models have for batches of examples raise an error that
    says what to use instead.
    """

    #: What to use instead of `evaluate`.
    evaluated_by = "`tfcommentaries.teaching.evaluate`, which trains new students"
    #: What to use instead of `predict`.
    predicted_by = (
        "its `commentary`, which annotates: `commentary(x, y=y, progress=1.0)`"
    )

    def __init__(self, **kwargs):
        check_strategy()
        super().__init__(**kwargs)

    def compile(self, *args, jit_compile="auto", **kwargs):
        """As `keras.Model.compile`; `"auto"` also asks whether the student compiles."""
        if jit_compile == "auto" and not self.student.model.jit_compile:
            jit_compile = False
        super().compile(*args, jit_compile=jit_compile, **kwargs)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: `fit` has built everything, also what Keras cannot.

        Keras calls this under a distribution strategy to try `call` on a batch of
        the data, and fails with several workers.
        """

    def evaluate(self, *args, **kwargs):
        """Raises: `teaching.evaluate` measures a commentary, on new students."""
        raise self._refusal("evaluate", self.evaluated_by)

    def predict(self, *args, **kwargs):
        """Raises, since a learner is not a network."""
        raise self._refusal("predict", self.predicted_by)

    def train_on_batch(self, *args, **kwargs):
        """Raises, since an outer step takes many batches."""
        raise self._refusal("train on single batches", "`fit(steps_per_epoch=1)`")

    test_on_batch = evaluate
    predict_on_batch = predict

    def save(self, *args, **kwargs):
        """Raises, since a learner is saved by its parts."""
        # Keras would have emptied an existing file.
        self.get_config()

    def get_config(self):
        """Raises, since a learner is saved by its parts."""
        raise NotImplementedError(
            f"{type(self).__name__} cannot be saved itself: save what it has learned, "
            "with `export_commentary` or `save_weights`, or let `fit` save all of it "
            "in a checkpoint (`checkpoint_dir`, `keras.callbacks.BackupAndRestore`)."
        )

    def _refusal(self, does, instead):
        return NotImplementedError(
            f"{type(self).__name__} does not {does}. Use {instead}."
        )
