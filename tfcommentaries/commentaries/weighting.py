"""What commentaries that weight examples have in common."""

from typing import Any

from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.commentaries.weights import weigh
from tfcommentaries.typing import Config, Tensors


class Weighting(Commentary):
    """A commentary whose annotation is one weight for each example.

    `apply` multiplies `sample_weight` by it.

    Args:
        normalize: `"batch_mean"` divides weights by their mean over the batch, `None`
            does not. A subclass may know another mean in place of the batch's.
        **kwargs: arguments of `Commentary`.

    Raises:
        ValueError: if `normalize` is neither.
    """

    weighs_examples = True
    #: What `normalize` may be besides `None`.
    mean = "batch_mean"

    def __init__(self, normalize: str = "batch_mean", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if normalize not in (self.mean, None):
            raise ValueError(
                f"`normalize` must be {self.mean!r} or None. Received: {normalize!r}"
            )
        self.normalize = normalize

    @property
    def divides_by_batch_mean(self) -> bool:
        return self.normalize == "batch_mean"

    def apply(
        self, annotation: Tensors, x: Tensors, y: Tensors, sample_weight: Tensors = None
    ) -> tuple[Tensors, Tensors, Tensors]:
        weights = weigh(annotation, sample_weight, self.divides_by_batch_mean, y)
        return self.student_inputs(x), y, weights

    def get_config(self) -> Config:
        return {**super().get_config(), "normalize": self.normalize}
