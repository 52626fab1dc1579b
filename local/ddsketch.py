"""Percentiles of times, without keeping the times: DDSketch (Masson, Rim and Lee, VLDB 2019).

A time is counted in a bucket whose bounds are a constant factor apart, so every percentile is true to ACCURACY, however
many times there were, and sketches add up. Memory is bounded by the number of buckets between SHORTEST and LONGEST.
"""

import math
from collections import Counter

ACCURACY = 0.01
SHORTEST, LONGEST = 1e-4, 1e3  # seconds; what lies beyond counts as these
_GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
_FIRST, _LAST = (math.ceil(math.log(bound, _GAMMA)) for bound in (SHORTEST, LONGEST))
BUCKETS = _LAST - _FIRST + 1


class Sketch:
    """Times in seconds."""

    def __init__(self) -> None:
        self.buckets: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        self.buckets[math.ceil(math.log(min(max(seconds, SHORTEST), LONGEST), _GAMMA))] += 1

    def merge(self, other: "Sketch") -> None:
        """Count what `other` counted, too."""
        self.buckets.update(other.buckets)

    def quantiles(self, *wanted: float) -> list[float] | None:
        """For each of these shares, ascending, the time below which so many lie; None where there are no times."""
        if not self.buckets:
            return None
        found: list[float] = []
        last, below = self.buckets.total() - 1, 0
        for bucket, number in sorted(self.buckets.items()):
            below += number
            while len(found) < len(wanted) and wanted[len(found)] * last < below:
                found.append(
                    2 * _GAMMA**bucket / (_GAMMA + 1)
                )  # from either bound of the bucket equally far
        return found
