"""The layer of the Python client decides what is sent again, and when. No network is used.

retries/retries.ts tests the TypeScript client by the same table.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Unpack

import httpx
import pytest
from sluice_client import (
    AsyncClient,
    Client,
    ClientError,
    ClientOptions,
    EtagCache,
    ParsedResponse,
    PreconditionFailedError,
    RetryPolicy,
    Timing,
    UnavailableError,
    update,
)

from tests.shop.clients.retry_cases import CASES, RetryCase

Reply = httpx.Response | httpx.TransportError
LOST = httpx.RemoteProtocolError("the response was lost")
REFUSED = httpx.ConnectError("no connection")


@dataclass
class Clock:
    """Time that only sleeping moves."""

    time: float = 0.0
    waits: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


@dataclass
class FakeServer:
    """Answers with the replies in order, and keeps the requests."""

    replies: list[Reply]
    requests: list[httpx.Request] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    random: float = 0.5

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(httpx.Request(request.method, request.url, headers=request.headers))
        reply = self.replies.pop(0)
        if isinstance(reply, httpx.Response):
            return reply
        raise reply

    def client(self, **more: Unpack[ClientOptions]) -> Client:
        return Client("http://api", transport=httpx.MockTransport(self), **self.options(more))

    def async_client(self, **more: Unpack[ClientOptions]) -> AsyncClient:
        return AsyncClient("http://api", transport=httpx.MockTransport(self), **self.options(more))

    def options(self, more: ClientOptions) -> ClientOptions:
        timing = Timing(
            monotonic=lambda: self.clock.time,
            now=lambda: 1_000_000_000.0,
            random=lambda: self.random,
            sleep=self.clock.sleep,
            sleep_async=self.clock.sleep_async,
        )
        return {"api_key": "canary-key", "timing": timing, **more}


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"status": status, "code": code, "title": code, "detail": "…", "request_id": "r-1"}
    headers["Content-Type"] = "application/problem+json"
    return httpx.Response(status, headers=headers, content=json.dumps(body))


def ok(body: object = None, **headers: str) -> httpx.Response:
    return httpx.Response(200, json=body, headers=headers)


def reply_of(described: str | int | list[str | int]) -> Reply:
    """Return a reply of the table."""
    if isinstance(described, str):
        return {"lost": LOST, "refused": REFUSED, "timeout": httpx.ReadTimeout("slow")}[described]
    if isinstance(described, int):
        return httpx.Response(described, text="<html>")
    status, code, *after = described
    headers = {"Retry_After": str(after[0])} if after else {}
    return problem(int(status), str(code), **headers)


def call(server: FakeServer, case: RetryCase, kind: str) -> None:
    """Make the call of a case with the client for threads, or that for asyncio."""
    policy = RetryPolicy(max_attempts=case.attempts, deadline=case.deadline)
    if kind == "threads":
        client = server.client(retries=policy)
        client.request(case.method, "/api/rows/1", headers=case.headers, takes_key=case.key)
        return
    asynchronous = server.async_client(retries=policy)
    request = asynchronous.request(
        case.method, "/api/rows/1", headers=case.headers, takes_key=case.key
    )
    asyncio.run(request)


@pytest.mark.parametrize("kind", ["threads", "asyncio"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_table_of_retries(case: RetryCase, kind: str) -> None:
    server = FakeServer([reply_of(each) for each in case.replies], random=case.random)

    error: ClientError | None = None
    try:
        call(server, case, kind)
    except ClientError as raised:
        error = raised

    keys = {request.headers.get("Idempotency-Key") for request in server.requests} - {None}
    assert (type(error).__name__ if error else "", error is not None and error.maybe_applied) == (
        case.error,
        case.maybe,
    )
    assert server.replies == []
    assert len(server.requests) == len(case.replies)
    assert case.waits is None or server.clock.waits == pytest.approx(case.waits)
    assert case.keys is None or len(keys) == case.keys
    assert "Idempotency-Key" not in case.headers or keys == {case.headers["Idempotency-Key"]}


def test_each_call_has_its_own_key() -> None:
    server = FakeServer([ok(), ok()])
    client = server.client()

    for _ in range(2):
        client.request("POST", "/api/orders", takes_key=True)

    assert len({request.headers["Idempotency-Key"] for request in server.requests}) == 2


def test_own_change_is_not_taken_for_a_conflict() -> None:
    """The first attempt was applied and its response lost, so the second has a stale ETag."""
    server = FakeServer(
        [ok({}, ETag='"1"'), LOST, problem(412, "stale_version"), ok({}, ETag='"2"')]
    )
    client = server.client()

    def write(row: object, etag: str) -> httpx.Response:
        return client.request("PATCH", "/api/products/1", headers={"If-Match": etag})

    with pytest.raises(PreconditionFailedError) as raised:
        update(lambda: read(client), write)

    assert raised.value.maybe_applied
    assert [request.method for request in server.requests] == ["GET", "PATCH", "PATCH"]


def test_update_reads_again_after_a_conflict() -> None:
    stale = problem(412, "stale_version")
    server = FakeServer([ok({}, ETag='"1"'), stale, ok({}, ETag='"2"'), ok()])
    client = server.client()

    def write(row: object, etag: str) -> httpx.Response:
        return client.request("PATCH", "/api/products/1", headers={"If-Match": etag})

    update(lambda: read(client), write)

    assert [request.headers.get("If-Match") for request in server.requests][1::2] == ['"1"', '"2"']


def read(client: Client) -> ParsedResponse[None]:
    return ParsedResponse(None, client.request("GET", "/api/products/1"))


def test_reads_send_the_latest_position_of_writes() -> None:
    replies = [ok(**{"X-Sluice-Min-LSN": lsn}) for lsn in ("0/F", "1/2", "0/FF")]
    server = FakeServer([*replies, ok()])
    client = server.client()

    for _ in range(4):
        client.request("GET", "/api/products")

    sent = [request.headers.get("X-Sluice-Min-LSN") for request in server.requests]
    assert sent == [None, "0/F", "1/2", "1/2"]


def test_cached_row_is_returned_after_304() -> None:
    server = FakeServer([ok({"id": 1}, ETag='"7"'), httpx.Response(304), ok({"id": 2})])
    client = server.client(etag_cache=EtagCache(), tenant="acme")

    bodies = [client.request("GET", "/api/products/1").json() for _ in range(2)]
    client.with_tenant("other").request("GET", "/api/products/1")

    assert bodies == [{"id": 1}, {"id": 1}]
    sent = [request.headers.get("If-None-Match") for request in server.requests]
    assert sent == [None, '"7"', None]
    assert [request.headers["X-Sluice-Tenant"] for request in server.requests][1:] == [
        "acme",
        "other",
    ]


def test_token_is_asked_for_each_call() -> None:
    server = FakeServer([ok(), ok()])
    tokens: list[str] = ["canary-2", "canary-1"]
    pop: Callable[[], str] = tokens.pop
    client = server.client(api_key=None, token=pop)

    for _ in range(2):
        client.request("GET", "/api/products")

    sent = [request.headers["Authorization"] for request in server.requests]
    assert sent == ["Bearer canary-1", "Bearer canary-2"]


def test_unavailable_problem_has_its_members() -> None:
    server = FakeServer([problem(503, "not_set_up")])

    with pytest.raises(UnavailableError, match="not_set_up") as raised:
        server.client().request("PATCH", "/api/products/1")

    assert raised.value.code == "not_set_up"
    assert raised.value.request_id == "r-1"
