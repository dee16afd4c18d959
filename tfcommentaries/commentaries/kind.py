"""What a kind of commentary declares, so that no other file has to know it."""

import types
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from tfcommentaries.typing import ArrayLike, Tensors

if TYPE_CHECKING:
    from tfcommentaries.commentaries.group_names import GroupNames
    from tfcommentaries.commentaries.group_table import GroupTable


class Kind:
    """Attributes and methods that describe a kind of commentary.

    No other file switches on the name or the class of a kind. This class has the
    defaults.
    """

    #: What the manifest of an exported commentary calls this kind.
    kind = "commentary"
    #: What is learned, in a few words.
    description = "a commentary"
    #: Whether it is made of others, a list `commentaries`.
    composed = False
    #: What it needs besides examples: "classes", that is labels of classes, "groups",
    #: "images", "elements", labels of steps or pixels; "weight" or "weighting", as
    #: controls do.
    needs: tuple[str, ...] = ()
    #: Whether the annotation of an example's inputs is its weight.
    weighs_examples = False
    #: Whether students get distributions over classes for labels.
    gives_distributions = False
    #: Whether students may be used with it after training, when labels are not known.
    serves_students = False
    #: Name of the student's output that is used after training, if it has others only
    #: for this commentary.
    main_output: str | None = None
    #: `GroupNames` by the names of the columns with groups.
    columns: "Mapping[str, GroupNames]" = types.MappingProxyType({})
    #: Whether the annotation depends on the labels.
    uses_labels = False
    #: Whether the annotation depends on training progress.
    uses_progress = False
    #: Whether `call` takes the student's losses, `(batch,)`, in place of the inputs.
    uses_student_loss = False
    #: Names of the entries of x that `call` reads; none if it reads the student's.
    reads: tuple[str, ...] = ()
    #: Whether weights are divided by their mean over the batch, so that a batch of one
    #: example has the weight 1, whatever is learned.
    divides_by_batch_mean = False
    #: Whether many examples are annotated in little memory, so that learners annotate
    #: those of all steps at once.
    looks_up = False
    #: Whether `call` takes the last axis of images for their channels.
    channels_last = False
    #: Whether `start` may change where learning starts: it has groups, all still alike.
    can_start = False
    #: Defaults for learning this kind: the learning rate of the outer Adam, `warmup`
    #: and `steps` of `LearnCommentaryCallback`, how many outer steps a
    #: `CommentaryLearner` makes, and arguments of it.
    suggested: Mapping[str, Any] = types.MappingProxyType(
        {
            "learning_rate": 1e-3,
            "warmup": 0,
            "steps": None,
            "outer_steps": 100,
            "learner": types.MappingProxyType({}),
        }
    )

    def parts(self) -> "list[Kind]":
        """The commentaries that this one is made of; itself, if it is not composed."""
        # No property: Keras would look for weights in it, and never end.
        return [self]

    def complete_student(
        self, model: keras.Model, loss: Any
    ) -> tuple[keras.Model, Any]:
        """Adds the outputs that a student needs only for this commentary.

        Args:
            model: a `keras.Model` that is not compiled.
            loss: its loss.

        Returns:
            `(model, loss)`; the base class returns both unchanged.
        """
        return model, loss

    def label_trust(
        self, annotate: Callable[[Tensors], Tensors], y: Tensors, num_classes: int
    ) -> np.ndarray | None:
        """How much the commentary trusts labels, for `insights.suspected_labels`.

        Args:
            annotate: function from labels of the examples to their annotations, at the
                end of training.
            y: labels, integers `(examples,)`.
            num_classes: number of classes.

        Returns:
            An array `(examples, num_classes)`, or `(examples, 1)` for the given labels
            alone, each from 0 to 1. `None`, as in the base class, if this kind does not
            distinguish labels.
        """
        return None

    def table(self) -> "GroupTable | None":
        """The learned weights as readable rows, or `None` for kinds without such rows.

        The manifest of an exported commentary holds them.

        Returns:
            A `GroupTable` or `None`.
        """
        return None

    def start(
        self, x: Tensors, y: Tensors, agrees: ArrayLike, chance: float | None = None
    ) -> bool:
        """Starts weights from how often labels agree with a model of checked examples.

        The base class does nothing. See `GroupWeighting.start`.
        """
        return False
