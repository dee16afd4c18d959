"""One weight per step of a sequence or pixel of an image."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.commentaries import teachers
from tfcommentaries.commentaries.conditioning import (
    check_labels,
    check_rows,
    is_several,
    one_hot,
    rows_of,
)
from tfcommentaries.commentaries.example_weighting import (
    ExampleWeighting,
    ExampleWeightingOptions,
)
from tfcommentaries.typing import Tensors, Unpack


@keras.saving.register_keras_serializable(package="tfcommentaries")
class ElementWeighting(ExampleWeighting):
    """Weights each step or pixel, for examples with many labels each.

    This is `ExampleWeighting` for models with a loss for each step of a sequence or
    pixel of an image, such as taggers and segmentation. It can separate the wrong part
    of a label from the right part, such as a careless outline from the area that it
    encloses. The annotation is `(batch, steps)` or `(batch, height, width)`, in (0, 1),
    and `apply` divides it by its mean over the steps or pixels of the batch, except
    those that the user's sample weights leave out, such as padding.

    Example, with images `(batch, height, width, channels)` and the class of each pixel
    `(batch, height, width)`:

    >>> weighting = ElementWeighting(num_classes=3)
    >>> weights = weighting(images, classes)   # (batch, height, width)
    >>> x, y, sample_weight = weighting.teach(images, classes)

    Args:
        teacher: Keras layer or model that gives one logit for each step or pixel,
            `(batch, ...)` or `(batch, ..., 1)`. `None` makes `teachers.convolutions`,
            which sees the neighbourhood of each step or pixel: inputs must have the
            steps or the height and width of the labels, and a last axis of channels.
            Words need a teacher with `conditioning="dict"`.
        num_classes: number of classes if the teacher sees labels: integers
            `(batch, ...)` or `(batch, ..., 1)`, or floats
            `(batch, ..., num_classes)`. `None` hides them.
        **kwargs: as for `ExampleWeighting`. With `conditioning="dict"` the teacher gets
            labels as `(batch, ..., num_classes)`.
    """

    kind = "element_weighting"
    description = "how much each pixel or step of an example should count"
    needs = ("elements",)
    weighs_examples = False

    def __init__(
        self,
        teacher: keras.layers.Layer | None = None,
        num_classes: int | None = None,
        **kwargs: Unpack[ExampleWeightingOptions],
    ) -> None:
        super().__init__(teacher, num_classes=num_classes, **kwargs)

    def _make_teacher(self, input_shape):
        if len(input_shape) not in (3, 4, 5):
            raise ValueError(
                "ElementWeighting has a default teacher for inputs (batch, steps, "
                "features) and (batch, height, width, channels). Pass `teacher=` and "
                f"`conditioning='dict'`. Received: inputs {tuple(input_shape)}, with "
                "labels and progress in the last axis."
            )
        return teachers.convolutions(input_shape[1:], dtype=self.compute_dtype)

    def call(
        self, x: Tensors, y: Tensors = None, progress: Tensors = None
    ) -> tf.Tensor:
        """Gives the weight of each step or pixel.

        Args:
            x: inputs `(batch, ..., channels)`, or a dict of such.
            y: labels for each step or pixel; needed if `num_classes` was given.
            progress: 0 to 1, scalar or `(batch,)`. Needed with `curriculum`.

        Returns:
            Weights in (0, 1), `(batch, ...)`.
        """
        logits = self.teacher(self._teacher_input(x, y, progress), training=False)
        logits = tf.convert_to_tensor(logits)
        if logits.shape.rank > 2 and logits.shape[-1] == 1:
            logits = tf.squeeze(logits, -1)
        return tf.sigmoid(logits)

    def label_trust(
        self, annotate: Callable[[Tensors], Tensors], y: Tensors, num_classes: int
    ) -> np.ndarray | None:
        return None  # An example has many labels.

    def _label(self, y):
        if y is None or is_several(y):
            return super()._label(y)  # Raises.
        y = tf.convert_to_tensor(y)
        if _are_rows(y, self.num_classes):
            return rows_of(y, self.num_classes, self.compute_dtype, "ElementWeighting")
        if y.shape.rank > 2 and y.shape[-1] == 1:
            y = tf.squeeze(y, -1)
        rows = one_hot(
            tf.reshape(y, [-1]),
            self.num_classes,
            self.compute_dtype,
            "ElementWeighting",
        )
        return tf.reshape(rows, tf.concat([tf.shape(y), [self.num_classes]], 0))

    def check_batch(self, x: Tensors, y: Tensors) -> None:
        if y is None or is_several(y):
            super().check_batch(x, y)
            return
        y = np.asarray(y)
        if y.ndim < 2:
            raise ValueError(
                "ElementWeighting takes a label for each step or pixel, (batch, ...). "
                f"Received labels of shape {y.shape}. Weigh examples with "
                "`ExampleWeighting`."
            )
        if not self.uses_labels:
            return
        if _are_rows(y, self.num_classes):
            check_rows(y, self.num_classes, "ElementWeighting")
            y = y[..., 0]
        else:
            check_labels(y.reshape(-1), self.num_classes, "ElementWeighting")
            y = y[..., 0] if y.ndim > 2 and y.shape[-1] == 1 else y
        seen = x.get(self.teacher_key) if isinstance(x, dict) else x
        channels = self.conditioning == "channels" and hasattr(seen, "shape")
        if channels and seen.shape[1:-1] != y.shape[1:]:
            raise ValueError(
                "Labels reach the teacher of an ElementWeighting as channels, one for "
                f"each step or pixel of the inputs. Received: inputs {seen.shape}, "
                f"labels for {y.shape}. Pass `conditioning='dict'` and a teacher that "
                "takes {'x': ..., 'label': ...}."
            )


def _are_rows(y, num_classes):
    """Whether labels are distributions over classes instead of integers."""
    floats = tf.as_dtype(y.dtype).is_floating
    return floats and y.shape[-1] == num_classes and len(y.shape) > 2
