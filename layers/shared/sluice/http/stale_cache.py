"""The last good answers, for when the database is away: an old price is better than none, as long as it says so.

After stale-if-error (RFC 5861): `Age` in seconds, and `Warning: 110`, which RFC 9111 no longer needs and many read.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from aws_lambda_powertools.event_handler import Response

KEPT = 256  # answers; a product's may have 60 KB


class _Kept(NamedTuple):
    answer: Response[str]
    at: float


class StaleResponseCache:
    """One environment's answers, the least asked for forgotten first."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def store(self, cache_key: str, answer: Response[str]) -> None:
        self._kept[cache_key] = _Kept(answer, self._clock())
        self._kept.move_to_end(cache_key)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def find(self, cache_key: str, *, max_age: float) -> Response[str] | None:
        """The answer that this question had less than so many seconds ago, marked as old."""
        kept = self._kept.get(cache_key)
        if kept is None:
            return None
        age = max(0, int(self._clock() - kept.at))
        if age >= max_age:
            return None
        answer = kept.answer
        marks = {"Age": str(age), "Warning": '110 - "Response is Stale"'}
        return Response(
            answer.status_code, answer.content_type, answer.body, {**answer.headers, **marks}
        )
