"""A cache of responses with an ETag: the client asks whether its copy is still current."""

from collections import OrderedDict
from threading import Lock

import httpx


class EtagCache:
    """The last `max_entries` responses to GET. One cache belongs to one caller: do not share it.

    With it a client sends `If-None-Match`. If the server answers 304, the client returns its copy.
    """

    def __init__(self, max_entries: int = 256) -> None:
        self._max_entries = max_entries
        self._responses: OrderedDict[tuple[str, str], httpx.Response] = OrderedDict()
        self._lock = Lock()

    def find(self, url: str, tenant: str) -> httpx.Response | None:
        with self._lock:
            found = self._responses.get((url, tenant))
            if found is not None:
                self._responses.move_to_end((url, tenant))
            return found

    def keep(self, url: str, tenant: str, response: httpx.Response) -> None:
        """Keep a response that has an ETag, and is no old one that the server marked as stale."""
        if "ETag" not in response.headers or "Warning" in response.headers:
            return
        with self._lock:
            self._responses[(url, tenant)] = response
            self._responses.move_to_end((url, tenant))
            while len(self._responses) > self._max_entries:
                self._responses.popitem(last=False)
