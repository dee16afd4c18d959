"""Using an exported commentary."""

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfcommentaries.commentaries import Commentary, GroupTable
from tfcommentaries.commentaries.applying import make_applying
from tfcommentaries.commentaries.group_names import GroupNames, Groups
from tfcommentaries.commentaries.kind import Kind
from tfcommentaries.commentaries.trusting import Trusting
from tfcommentaries.saving.graph_check import load_graph
from tfcommentaries.saving.manifest import read_manifest
from tfcommentaries.typing import (
    Batch,
    Config,
    LayerOptions,
    Path,
    Shapes,
    Tensors,
    Unpack,
)


def _of_applying(name: str) -> Any:
    """An attribute of the commentary that applies annotations."""
    return property(lambda self: getattr(self.applying, name))


class SavedCommentary(Trusting, Commentary):
    """An exported commentary, for teaching and annotating.

    The annotation comes from the SavedModel's own graph, so the teacher's code is not
    needed. It cannot learn further.

    Args:
        path: directory of the SavedModel.
        **kwargs: arguments of `Commentary`.

    Raises:
        FileNotFoundError: if there is no SavedModel.
        ValueError: if it is not a commentary, its kind is unknown, or it has operations
            that no commentary needs; see `SECURITY.md`.
    """

    #: What is stored beside the graph; see `read_manifest`.
    manifest: Config

    def __init__(self, path: Path, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.directory = os.fspath(path)
        # Keras would wrap each row of a table, and there may be very many.
        object.__setattr__(self, "manifest", read_manifest(path))
        self.kind = self.manifest["kind"]
        try:
            #: A commentary of the class that was exported, which has learned nothing
            #: but applies annotations in the same way.
            self.applying = make_applying(
                self.manifest["class_name"], self.manifest["teaching_config"]
            )
        except ValueError as error:
            raise ValueError(
                f"The commentary at {path} cannot be used. {error}"
            ) from error
        self._loaded = load_graph(self.directory)
        self.trainable = False
        self.doubt = self.manifest.get("doubt")

    @property
    def uses_labels(self) -> bool:
        return self.manifest["uses_labels"]

    @property
    def uses_progress(self) -> bool:
        return self.manifest["uses_progress"]

    uses_student_loss = _of_applying("uses_student_loss")
    divides_by_batch_mean = _of_applying("divides_by_batch_mean")
    reads = _of_applying("reads")
    needs = _of_applying("needs")
    description = _of_applying("description")
    weighs_examples = _of_applying("weighs_examples")
    gives_distributions = _of_applying("gives_distributions")
    serves_students = _of_applying("serves_students")
    main_output = _of_applying("main_output")

    def parts(self) -> list[Kind]:
        return self.applying.parts()

    def complete_student(
        self, model: keras.Model, loss: Any
    ) -> tuple[keras.Model, Any]:
        return self.applying.complete_student(model, loss)

    @property
    def learned_steps(self) -> int | None:
        """Number of student steps in its learning, or `None` if it is not known."""
        return self.manifest["learned"].get("inner_steps")

    def build(
        self, x_shape: Shapes, y_shape: Shapes = None, progress_shape: Shapes = None
    ) -> None:
        self.built = True

    def call(
        self, x: Tensors, y: Tensors = None, progress: Tensors = None
    ) -> tf.Tensor:
        """Annotates a batch with the SavedModel; see `Commentary.call`."""
        inputs = dict(x) if isinstance(x, dict) else {"x": x}
        if self.uses_labels:
            if y is None:
                raise ValueError(
                    f"The commentary at {self.directory} sees the label. Pass `y`."
                )
            inputs["y"] = y
        if self.uses_progress:
            if progress is None:
                raise ValueError(
                    f"The commentary at {self.directory} is a curriculum. Pass "
                    "`progress`, from 0 to 1."
                )
            batch = tf.shape(tf.nest.flatten(x)[0])[0]
            progress = tf.reshape(tf.cast(progress, tf.float32), [-1])
            inputs["progress"] = tf.broadcast_to(progress, [batch])
        endpoint, specs = self._loaded.annotate, self.manifest["inputs"]
        if "prepared_inputs" in self.manifest:
            endpoint = self._loaded.annotate_prepared
            specs = self.manifest["prepared_inputs"]
        inputs = {name: self._cast(name, s, inputs) for name, s in specs.items()}
        return endpoint(inputs)["annotation"]

    def _cast(self, name, spec, inputs):
        if name not in inputs:
            raise ValueError(
                f"The commentary at {self.directory} needs the input {name!r}. "
                f"Received: {sorted(inputs)}"
            )
        tensor = tf.convert_to_tensor(inputs[name])
        if name == "y" and tensor.shape.rank == len(spec["shape"]) + 1:
            tensor = tf.squeeze(tensor, -1)
        if not tensor.shape.is_compatible_with(spec["shape"]):
            raise ValueError(
                f"The commentary at {self.directory} was learned on {name!r} of shape "
                f"{tuple(spec['shape'])}, but got {tuple(tensor.shape)}. Give it such "
                "inputs, or learn a commentary for these."
            )
        return tf.cast(tensor, spec["dtype"])

    def teach(
        self,
        x: Tensors,
        y: Tensors,
        sample_weight: Tensors = None,
        progress: Tensors = None,
    ) -> tuple[Tensors, Tensors, Tensors]:
        if self.uses_student_loss:
            return self.applying.teach(x, y, sample_weight, progress)
        return super().teach(x, y, sample_weight, progress)

    def apply(
        self, annotation: Tensors, x: Tensors, y: Tensors, sample_weight: Tensors = None
    ) -> tuple[Tensors, Tensors, Tensors]:
        return self.applying.apply(annotation, x, y, sample_weight)

    @property
    def columns(self) -> Mapping[str, GroupNames]:
        """Columns of groups; see `GroupWeighting`."""
        return self.applying.columns

    def add_groups(self, x: Tensors, groups: Groups) -> dict[str, Tensors]:
        """Like `GroupWeighting.add_groups`, if one was exported."""
        if not self.columns:
            raise ValueError(
                f"The commentary at {self.directory} is of the kind {self.kind}, which "
                "has no groups. Give x as it is."
            )
        return self.applying.add_groups(x, groups)

    def table(self) -> GroupTable | None:
        """The table as it was exported; see `GroupWeighting.table`."""
        return self._group_table

    @functools.cached_property
    def _group_table(self):
        entries = self.manifest.get("group_table")
        return GroupTable(entries, self.doubt) if entries else None

    def prepare(self, x: Tensors) -> Tensors:
        return self.applying.prepare(x)

    def student_inputs(self, x: Tensors) -> Tensors:
        return self.applying.student_inputs(x)

    def untaught(self, batch: Batch) -> tuple[Tensors, Tensors, Tensors]:
        return self.applying.untaught(batch)

    def label_trust(
        self, annotate: Callable[[Tensors], Tensors], y: Tensors, num_classes: int
    ) -> np.ndarray | None:
        return self.applying.label_trust(annotate, y, num_classes)

    def check_batch(self, x: Tensors, y: Tensors) -> None:
        self.applying.check_batch(x, y)

    def get_config(self) -> Config:
        return {**super().get_config(), "path": self.directory}


def load_commentary(
    commentary: Commentary | Path, learned_steps: int | None = None
) -> tuple[Commentary, int | None]:
    """Loads a commentary, unless it is one already.

    Args:
        commentary: a `Commentary`, or the path of an exported one.
        learned_steps: overrides the number in the exported commentary.

    Returns:
        `(commentary, learned_steps)`; the latter is `None` if it is not known.
    """
    if isinstance(commentary, str | os.PathLike):
        commentary = SavedCommentary(commentary)
    elif not isinstance(commentary, Commentary):
        raise TypeError(
            "Expected a tfcommentaries.Commentary or the path of an exported one. "
            f"Received: {type(commentary).__name__} {commentary!r:.80}"
        )
    if learned_steps is None:
        learned_steps = getattr(commentary, "learned_steps", None)
    return commentary, learned_steps
