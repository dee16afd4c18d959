"""The common part of models whose `fit` runs outer steps."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import keras
import tensorflow as tf

from tfcommentaries.learning.hypergradient_update import apply_hypergradient
from tfcommentaries.learning.workers import check_strategy
from tfcommentaries.typing import LayerOptions, Unpack
from tfcommentaries.upstream.custom_gradients import forgotten_custom_gradients
from tfcommentaries.upstream.graph_rewrites import chosen_rewrites
from tfcommentaries.upstream.plain_errors import plain_errors


class OuterLoop(keras.Model):
    """A model whose `fit` runs outer steps, each of which trains students.

    A subclass has a `student`, defines an outer step in `train_step`, and ends it with
    `finish_step`. Keras's methods for batches of examples raise an error that names an
    alternative.
    """

    #: What to use instead of `evaluate`.
    evaluated_by = "`tfcommentaries.teaching.evaluate`, which trains new students"
    #: What to use instead of `predict`.
    predicted_by = (
        "its `commentary`, which annotates: `commentary(x, y=y, progress=1.0)`"
    )

    def __init__(self, **kwargs: Unpack[LayerOptions]) -> None:
        check_strategy()
        super().__init__(**kwargs)
        self.hypergradient_norm = keras.metrics.Mean("hypergradient_norm")

    def compile(
        self,
        *args: Any,
        jit_compile: bool | str = "auto",
        **kwargs: Any,
    ) -> None:
        """As `keras.Model.compile`; `"auto"` also asks whether the student compiles."""
        if jit_compile == "auto" and not self.student.model.jit_compile:
            jit_compile = False
        # Hypergradients are scaled and unscaled where they are computed.
        kwargs.setdefault("auto_scale_loss", False)
        super().compile(*args, jit_compile=jit_compile, **kwargs)

    @contextlib.contextmanager
    def stepping(self) -> Iterator[None]:
        """Context in which outer steps are traced and made."""
        model = self.student.model
        with chosen_rewrites(model), forgotten_custom_gradients(), plain_errors(model):
            yield

    def finish_step(
        self,
        loss: tf.Tensor,
        hypergradient: Sequence[tf.Tensor],
        variables: Sequence[keras.Variable],
    ) -> None:
        """Updates what is learned, and the metrics of every learner.

        Args:
            loss: outer loss on this replica, as Keras scales it.
            hypergradient: dense tensors, one per variable.
            variables: what is learned.
        """
        norm = apply_hypergradient(self.optimizer, hypergradient, variables)
        self.hypergradient_norm.update_state(norm)
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss * replicas)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: `fit` has built everything, also what Keras cannot.

        Keras calls this under a distribution strategy to try `call` on a batch of
        the data, and fails with several workers.
        """

    def evaluate(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raises an error; measure a commentary with `teaching.evaluate`."""
        raise self._refusal("evaluate", self.evaluated_by)

    def predict(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raises an error, since a learner is not a network."""
        raise self._refusal("predict", self.predicted_by)

    def train_on_batch(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raises an error, since an outer step takes many batches."""
        raise self._refusal("train on single batches", "`fit(steps_per_epoch=1)`")

    test_on_batch = evaluate
    predict_on_batch = predict

    def save(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raises an error, since a learner is saved by its parts."""
        # Keras would have emptied an existing file.
        self.get_config()

    def get_config(self) -> NoReturn:
        """Raises an error, since a learner is saved by its parts."""
        raise NotImplementedError(
            f"{type(self).__name__} cannot be saved itself: save what it has learned, "
            "with `export_commentary` or `save_weights`, or let `fit` save all of it "
            "in a checkpoint (`checkpoint_dir`, `keras.callbacks.BackupAndRestore`)."
        )

    def _refusal(self, does, instead):
        return NotImplementedError(
            f"{type(self).__name__} does not {does}. Use {instead}."
        )
