"""A successful response with its parsed body."""

from dataclasses import dataclass
from typing import Generic, TypeVar

import httpx

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ParsedResponse(Generic[T]):
    """A successful response: `parsed` is the body, `http` the response of httpx."""

    parsed: T
    http: httpx.Response

    @property
    def status_code(self) -> int:
        return self.http.status_code

    @property
    def headers(self) -> httpx.Headers:
        return self.http.headers

    @property
    def etag(self) -> str:
        """The row's ETag, for `if_match`. Raise KeyError if the response has none, as a list."""
        return str(self.http.headers["ETag"])

    @property
    def is_replayed(self) -> bool:
        """Whether this is the stored response to an earlier request with the same key."""
        return "Idempotency-Replayed" in self.http.headers
