"""A cache of successful responses, which are served while the database is unavailable.

It follows stale-if-error (RFC 5861). A cached response has `Age` in seconds, and `Warning: 110`,
which RFC 9111 made obsolete but many clients still read.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from sluice.http.response import Response

CACHE_SIZE = 256  # responses; one may have 60 KB


class _CachedResponse(NamedTuple):
    response: Response
    stored_at: float


class StaleResponseCache:
    """An in-memory cache of the responses of one execution environment. The oldest is evicted.

    Safe to share between threads.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._responses: OrderedDict[str, _CachedResponse] = OrderedDict()
        self._lock = threading.Lock()

    def store(self, cache_key: str, response: Response) -> None:
        """Store a response under `cache_key`."""
        cached = _CachedResponse(response, self._clock())
        with self._lock:
            self._responses[cache_key] = cached
            self._responses.move_to_end(cache_key)
            if len(self._responses) > CACHE_SIZE:
                self._responses.popitem(last=False)

    def find(self, cache_key: str, *, max_age: float) -> Response | None:
        """Return the cached response, with `Age`, if it is younger than `max_age` seconds."""
        cached = self._responses.get(cache_key)
        if cached is None:
            return None
        age = max(0, int(self._clock() - cached.stored_at))
        if age >= max_age:
            return None
        response = cached.response
        headers = {**response.headers, "Age": str(age), "Warning": '110 - "Response is Stale"'}
        return Response(response.status_code, response.content_type, response.body, headers)
