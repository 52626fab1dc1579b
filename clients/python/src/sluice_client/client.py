"""The clients: they authenticate, add headers, and repeat what is safe to repeat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from types import TracebackType
from typing import Any, TypedDict, Unpack
from uuid import uuid4

import httpx

from .errors import error_of
from .etags import EtagCache
from .retries import RetriedCall, RetryPolicy, Send, Steps, steps
from .timing import Timing

MIN_LSN = "X-Sluice-Min-LSN"
KEY = "Idempotency-Key"
_POLICY = RetryPolicy()
_TIMING = Timing()


class ClientOptions(TypedDict, total=False):
    """The arguments that both clients have. Either `api_key` or `token` is needed.

    token: a bearer token, or a function that returns the current one.
    tenant: sent as `X-Sluice-Tenant`.
    headers: sent with each request.
    """

    api_key: str | None
    token: str | Callable[[], str] | None
    tenant: str | None
    retries: RetryPolicy
    timing: Timing
    etag_cache: EtagCache | None
    headers: Mapping[str, str] | None


class _Settings:
    """What both clients have in common: the headers of a request, and what responses leave."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        token: str | Callable[[], str] | None = None,
        tenant: str | None = None,
        retries: RetryPolicy = _POLICY,
        timing: Timing = _TIMING,
        etag_cache: EtagCache | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if (api_key is None) == (token is None):
            raise ValueError("pass either api_key or token")
        self.base_url = base_url
        self.tenant = tenant
        self.min_lsn: str | None = None
        self._api_key = api_key
        self._token = token
        self._retries = retries
        self._timing = timing
        self._cache = etag_cache
        self._headers = dict(headers or {})

    def _request_headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", **self._headers}
        if self._api_key is not None:
            headers["X-API-Key"] = self._api_key
        if self._token is not None:
            token = self._token if isinstance(self._token, str) else self._token()
            headers["Authorization"] = f"Bearer {token}"
        if self.tenant is not None:
            headers["X-Sluice-Tenant"] = self.tenant
        if self.min_lsn is not None:
            headers[MIN_LSN] = self.min_lsn
        return headers

    def _begin(self, request: httpx.Request, *, takes_key: bool) -> Steps:
        """Complete the request's headers, and return the steps of the call."""
        if takes_key and KEY not in request.headers:
            request.headers[KEY] = str(uuid4())
        if request.method == "GET" and self._cache is not None:
            kept = self._cache.find(str(request.url), self.tenant or "")
            if kept is not None and "If-None-Match" not in request.headers:
                request.headers["If-None-Match"] = kept.headers["ETag"]
                request.extensions["sluice_kept"] = kept
        call = RetriedCall(
            request.method,
            has_key=takes_key,
            has_if_match="If-Match" in request.headers,
        )
        return steps(call, self._retries, self._timing)

    def _received(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        """Note what the response says about later requests; replace a 304 with the kept copy."""
        self.min_lsn = _later(self.min_lsn, response.headers.get(MIN_LSN))
        kept = request.extensions.get("sluice_kept")
        if response.status_code == 304 and isinstance(kept, httpx.Response):
            return kept
        if self._cache is not None and request.method == "GET" and response.status_code == 200:
            self._cache.keep(str(request.url), self.tenant or "", response)
        return response


class Client(_Settings):
    """A client of the API, for threads: `Client("https://api.example.com", api_key="…")`.

    The other arguments are those of ClientOptions.
    min_lsn: after a write, reads of this client include it also if a replica serves them.
    """

    def __init__(
        self,
        base_url: str,
        *,
        transport: httpx.BaseTransport | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(base_url, **options)
        self._http = httpx.Client(base_url=base_url, transport=transport)

    def with_tenant(self, tenant: str) -> Client:
        """Return a client of another tenant, with the same connections."""
        other = copy(self)
        other.tenant = tenant
        return other

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        takes_key: bool = False,
    ) -> httpx.Response:
        """Send a request to any route, and return the successful response.

        takes_key: the route reads `Idempotency-Key`; the client then sends one, and repeats the
            request until it has a response. Raise a StatusError or NoResponseError.
        """
        request = self._http.build_request(
            method.upper(),
            url,
            params=dict(params or {}),
            headers={**self._request_headers(), **(headers or {})},
            json=json,
        )
        running = self._begin(request, takes_key=takes_key)
        step = next(running)
        while True:
            outcome: httpx.Response | httpx.TransportError | None = None
            if isinstance(step, Send):
                request.extensions["timeout"] = httpx.Timeout(step.timeout).as_dict()
                try:
                    outcome = self._received(request, self._http.send(request))
                except httpx.TransportError as error:
                    outcome = error
            else:
                self._timing.sleep(step.seconds)
            try:
                step = running.send(outcome)
            except StopIteration as finished:
                response: httpx.Response = finished.value
                return response

    def upload(self, upload_url: str, content: bytes) -> None:
        """PUT a file to the `upload_url` of an import, without the API's credentials."""
        response = httpx.put(upload_url, content=content, timeout=self._retries.deadline)
        if not response.is_success:
            raise error_of(response)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class AsyncClient(_Settings):
    """The same for asyncio. Its arguments are those of Client."""

    def __init__(
        self,
        base_url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(base_url, **options)
        self._http = httpx.AsyncClient(base_url=base_url, transport=transport)

    def with_tenant(self, tenant: str) -> AsyncClient:
        """Return a client of another tenant, with the same connections."""
        other = copy(self)
        other.tenant = tenant
        return other

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        takes_key: bool = False,
    ) -> httpx.Response:
        """Send a request to any route, as Client.request does."""
        request = self._http.build_request(
            method.upper(),
            url,
            params=dict(params or {}),
            headers={**self._request_headers(), **(headers or {})},
            json=json,
        )
        running = self._begin(request, takes_key=takes_key)
        step = next(running)
        while True:
            outcome: httpx.Response | httpx.TransportError | None = None
            if isinstance(step, Send):
                request.extensions["timeout"] = httpx.Timeout(step.timeout).as_dict()
                try:
                    outcome = self._received(request, await self._http.send(request))
                except httpx.TransportError as error:
                    outcome = error
            else:
                await self._timing.sleep_async(step.seconds)
            try:
                step = running.send(outcome)
            except StopIteration as finished:
                response: httpx.Response = finished.value
                return response

    async def upload(self, upload_url: str, content: bytes) -> None:
        """PUT a file to the `upload_url` of an import, without the API's credentials."""
        async with httpx.AsyncClient(timeout=self._retries.deadline) as http:
            response = await http.put(upload_url, content=content)
        if not response.is_success:
            raise error_of(response)

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


def _later(known: str | None, received: str | None) -> str | None:
    """Return the later of two positions in PostgreSQL's log, such as `0/16B3748`."""
    if known is None or received is None:
        return received if known is None else known
    return max(known, received, key=_position)


def _position(lsn: str) -> tuple[int, int]:
    high, _, low = lsn.partition("/")
    return int(high, 16), int(low, 16)
