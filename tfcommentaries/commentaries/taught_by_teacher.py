"""What commentaries with a teacher have in common."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.typing import Config, LayerOptions, Self, Unpack


class TaughtByTeacher(Commentary):
    """A commentary whose annotation comes from a Keras layer or model.

    Args:
        teacher: the layer or model, or `None` for the one that the subclass makes.
        **kwargs: arguments of `Commentary`.

    Raises:
        TypeError: if the teacher is not a Keras layer.
    """

    def __init__(
        self, teacher: keras.layers.Layer | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(teacher, keras.layers.Layer | None):
            raise TypeError(
                f"The teacher of {type(self).__name__} must be a Keras layer or model, "
                "such as `teachers.mlp((5,))`, or None for its own. Received: "
                f"{type(teacher).__name__} {teacher!r:.80}"
            )
        self.teacher = teacher
        self._default_teacher = teacher is None

    def get_config(self) -> Config:
        teacher = None
        if not self._default_teacher:
            teacher = keras.saving.serialize_keras_object(self.teacher)
        return {**super().get_config(), "teacher": teacher}

    def get_teaching_config(self) -> Config:
        return {**self.get_config(), "teacher": None}

    def take_over(self, values: Sequence[tf.Tensor], config: Config) -> Config:
        table = getattr(self, "logits", None)
        if table is not None and len(values) == 1:
            old, new = tuple(values[0].shape), tuple(table.shape)
            if len(old) == len(new) and all(a < b for a, b in zip(old, new)):
                # New classes follow the others, and start as in a new table.
                grown = table.numpy()
                grown[tuple(map(slice, old))] = values[0].numpy()
                table.assign(grown)
                return {"new classes": list(range(old[0], new[0]))}
        return super().take_over(values, config)

    @classmethod
    def from_config(cls, config: Config) -> Self:
        config = dict(config)
        if config.get("teacher") is not None:
            config["teacher"] = keras.saving.deserialize_keras_object(config["teacher"])
        return cls(**config)
