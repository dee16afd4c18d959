"""Which entries of a dict of inputs are a teacher's, and which a student's."""

import keras

from tfcommentaries.commentaries.taught_by_teacher import TaughtByTeacher
from tfcommentaries.typing import Config, LayerOptions, Tensors, Unpack


class KeyedInputs(TaughtByTeacher):
    """A commentary whose inputs may hold more than the student's, such as an id.

    Args:
        teacher: as for `TaughtByTeacher`.
        teacher_key: where x is a dict, the entry that the teacher sees instead of all
            of x.
        student_key: where x is a dict, the entry that the student gets instead of all
            of x.
        **kwargs: arguments of `Commentary`.
    """

    def __init__(
        self,
        teacher: keras.layers.Layer | None = None,
        teacher_key: str | None = None,
        student_key: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(teacher, **kwargs)
        self.teacher_key = teacher_key
        self.student_key = student_key

    @property
    def reads(self) -> tuple[str, ...]:
        return () if self.teacher_key is None else (self.teacher_key,)

    def student_inputs(self, x: Tensors) -> Tensors:
        key = self.student_key
        return x[key] if isinstance(x, dict) and key in x else x

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "teacher_key": self.teacher_key,
            "student_key": self.student_key,
        }
