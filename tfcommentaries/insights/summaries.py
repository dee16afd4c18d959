"""TensorBoard summaries of a commentary during learning."""

import importlib.util
import io
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from tfcommentaries.insights.views import views
from tfcommentaries.teaching import annotate
from tfcommentaries.typing import Logs, Path

if TYPE_CHECKING:
    from tfcommentaries.datasets.splits import Examples


class CommentarySummaries(keras.callbacks.Callback):
    """Writes a commentary's annotations and pictures for TensorBoard.

    Use it in `CommentaryLearner.fit` beside `keras.callbacks.TensorBoard`, which writes
    the outer loss and the hypergradient's norm.

    Example:

    >>> learner.fit(train, validation_data=validation, epochs=10,
    ...             callbacks=[CommentarySummaries("logs", examples)])

    Args:
        log_dir: directory of TensorBoard's logs.
        examples: `Examples` with integer labels to annotate; a few hundred.
        every: epochs between two summaries.

    Raises:
        ImportError: if the package tensorboard is not installed; new versions of
            TensorFlow do not include it.
    """

    def __init__(self, log_dir: Path, examples: "Examples", every: int = 1) -> None:
        super().__init__()
        if importlib.util.find_spec("tensorboard") is None:
            raise ImportError("CommentarySummaries needs `pip install tensorboard`.")
        self.log_dir = log_dir
        self.examples = examples
        self.every = every

    def on_train_begin(self, logs: Logs = None) -> None:
        self.writer = tf.summary.create_file_writer(str(self.log_dir))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if (epoch + 1) % self.every:
            return
        commentary = self.model.commentary
        with self.writer.as_default(epoch):
            if not commentary.uses_student_loss:
                (last,) = annotate(commentary, self.examples, [1.0])
                tf.summary.histogram("annotation", last)
            for view in views(commentary, self.examples):
                image = tf.io.decode_png(_png(view.figure), 3)
                tf.summary.image(view.name, image[tf.newaxis], description=view.text)

    def on_train_end(self, logs: Logs = None) -> None:
        self.writer.close()


def _png(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()
