"""Compute percentiles of times without storing the times: DDSketch (Masson, Rim, Lee, VLDB 2019).

The bounds of each bucket are a constant factor apart, so the relative error of every percentile is
at most RELATIVE_ACCURACY. Sketches can be merged. The number of buckets between MIN_SECONDS and
MAX_SECONDS bounds the memory.
"""

import math
from collections import Counter

RELATIVE_ACCURACY = 0.01
MIN_SECONDS = 1e-4  # shorter times count as this
MAX_SECONDS = 1e3  # longer times count as this
_GAMMA = (1 + RELATIVE_ACCURACY) / (1 - RELATIVE_ACCURACY)
_FIRST = math.ceil(math.log(MIN_SECONDS, _GAMMA))
_LAST = math.ceil(math.log(MAX_SECONDS, _GAMMA))
BUCKETS = _LAST - _FIRST + 1


class DDSketch:
    """A distribution of times in seconds."""

    def __init__(self) -> None:
        self.buckets: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        bounded = min(max(seconds, MIN_SECONDS), MAX_SECONDS)
        self.buckets[math.ceil(math.log(bounded, _GAMMA))] += 1

    def merge(self, other: "DDSketch") -> None:
        """Add the counts of `other`."""
        self.buckets.update(other.buckets)

    def quantiles(self, *quantiles: float) -> list[float] | None:
        """Return the time at each quantile (0 to 1, ascending order), or None without times."""
        if not self.buckets:
            return None
        values: list[float] = []
        last, below = self.buckets.total() - 1, 0
        for bucket, number in sorted(self.buckets.items()):
            below += number
            while len(values) < len(quantiles) and quantiles[len(values)] * last < below:
                # the value with the same relative error to both bounds of the bucket
                values.append(2 * _GAMMA**bucket / (_GAMMA + 1))
        return values
