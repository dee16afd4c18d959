"""Numbers that new students reached, and differences between them."""

from typing import NamedTuple

import numpy as np

#: Metrics from 0 to 1, of which a hundredth is a point.
_SHARES = "auc", "accuracy"


def less_is_better(metric: str) -> bool:
    """Whether a metric is an error, by its name: `loss`, `mae`, `..._error`."""
    errors = "loss", "mae", "mape", "mse", "msle", "rmse"
    return metric in errors or metric.endswith(("_error", "_loss"))


class Row(NamedTuple):
    """The scores of all students of a condition.

    Attributes:
        condition: name of the `Condition`.
        step: number of training steps before the test.
        metric: name of the metric.
        values: one for each student.
    """

    condition: str
    step: int
    metric: str
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over students."""
        return float(np.mean(self.values))

    @property
    def std(self) -> float:
        """Sample standard deviation over students; 0 for one."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else 0.0

    def __str__(self):
        if self.metric in _SHARES:
            return f"{self.mean:.3f} ± {self.std:.3f}"
        return f"{self.mean:.4g} ± {self.std:.2g}"


class Gain(NamedTuple):
    """How much better one condition is than another, students paired by their seed.

    Attributes:
        mean: mean of the differences, above 0 if the condition is better.
        error: its standard error; NaN for one pair.
        metric: name of the metric.
    """

    mean: float
    error: float
    metric: str

    @property
    def certain(self) -> bool:
        """Whether the gain is above 0 by more than two standard errors."""
        return self.mean > 2 * self.error

    @property
    def unit(self) -> str:
        """The unit of the gain: points of an accuracy or AUC, or the metric."""
        return "points" if self.metric in _SHARES else f"in {self.metric}"

    def __neg__(self):
        return self._replace(mean=-self.mean)

    def __str__(self):
        mean, error = (
            (f"{100 * self.mean:+.1f}", f"{100 * self.error:.1f}")
            if self.metric in _SHARES
            else (f"{self.mean:+.3g}", f"{self.error:.2g}")
        )
        return mean if np.isnan(self.error) else f"{mean} ± {error}"
