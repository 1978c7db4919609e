"""Numbers over many pictures, and how much chance may have moved them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

_RESAMPLES = 1000


@dataclass(frozen=True)
class Estimate:
    """A mean or median with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        return f"{self.value:{spec}} ({self.low:{spec}} to {self.high:{spec}})"


def estimate(
    values: Sequence[float], statistic: Literal["mean", "median"] = "mean"
) -> Estimate | None:
    """The statistic over pictures, with the interval of the statistic over resampled pictures.

    Returns:
        None if there are no values.

    Percentile bootstrap, Efron, 1979, doi:10.1214/aos/1176344552.
    """
    if not values:
        return None
    known = np.asarray(values, np.float64)
    over: Callable[..., Any] = np.mean if statistic == "mean" else np.median
    drawn = np.random.default_rng(0).integers(len(known), size=(_RESAMPLES, len(known)))
    low, high = np.percentile(over(known[drawn], axis=1), (2.5, 97.5))
    return Estimate(float(over(known)), float(low), float(high))


def worst_tenth(values: Sequence[float]) -> float | None:
    """Mean of the lowest tenth, at least one value; None if there are no values."""
    if not values:
        return None
    return float(np.mean(sorted(values)[: max(1, len(values) // 10)]))


def estimate_share(hits: Sequence[float], counts: Sequence[int]) -> Estimate | None:
    """The share of hits over all groups, with the interval from resampled groups.

    Args:
        hits: of each group, such as a photo's found faces; or how many more there are than before.
        counts: possible hits of each group, such as a photo's faces.

    Returns:
        None if there is nothing to hit. Members of a group are often alike: resampling them one
        by one would give too narrow an interval.
    """
    hit, count = np.asarray(hits, np.float64), np.asarray(counts, np.float64)
    if not count.sum():
        return None
    drawn = np.random.default_rng(0).integers(len(hit), size=(_RESAMPLES, len(hit)))
    shares = hit[drawn].sum(axis=1) / np.maximum(count[drawn].sum(axis=1), 1)
    low, high = np.percentile(shares, (2.5, 97.5))
    return Estimate(float(hit.sum() / count.sum()), float(low), float(high))
