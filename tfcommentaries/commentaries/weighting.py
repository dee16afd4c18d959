"""What commentaries that weight examples have in common."""

from tfcommentaries.commentaries.commentary import Commentary
from tfcommentaries.commentaries.weights import weigh


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

    def __init__(self, normalize="batch_mean", **kwargs):
        super().__init__(**kwargs)
        if normalize not in (self.mean, None):
            raise ValueError(
                f"`normalize` must be {self.mean!r} or None. Received: {normalize!r}"
            )
        self.normalize = normalize

    @property
    def divides_by_batch_mean(self):
        return self.normalize == "batch_mean"

    def apply(self, annotation, x, y, sample_weight=None):
        weights = weigh(annotation, sample_weight, self.divides_by_batch_mean, y)
        return self.student_inputs(x), y, weights

    def get_config(self):
        return {**super().get_config(), "normalize": self.normalize}
