"""The layer of the Python client decides what is sent again, and when. No network is used."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import pytest
from sluice_client import (
    Client,
    EtagCache,
    NoResponseError,
    NotFoundError,
    ParsedResponse,
    PreconditionFailedError,
    RateLimitError,
    RetryPolicy,
    ServerError,
    StatusError,
    Timing,
    UnavailableError,
    update,
)

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


@dataclass
class FakeServer:
    """Answers with the replies in order, and keeps the requests."""

    replies: list[Reply]
    requests: list[httpx.Request] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(httpx.Request(request.method, request.url, headers=request.headers))
        reply = self.replies.pop(0)
        if isinstance(reply, httpx.Response):
            return reply
        raise reply

    def client(self, **more: object) -> Client:
        timing = Timing(
            monotonic=lambda: self.clock.time,
            now=lambda: 1_000_000_000.0,
            random=lambda: 0.5,
            sleep=self.clock.sleep,
        )
        options = {"api_key": "canary-key", "timing": timing, **more}
        return Client("http://api", transport=httpx.MockTransport(self), **options)  # type: ignore[arg-type]


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"status": status, "code": code, "title": code, "detail": "…", "request_id": "r-1"}
    headers["Content-Type"] = "application/problem+json"
    return httpx.Response(status, headers=headers, content=json.dumps(body))


def ok(body: object = None, **headers: str) -> httpx.Response:
    return httpx.Response(200, json=body, headers=headers)


@pytest.mark.parametrize(
    "failure",
    [LOST, httpx.ReadTimeout("slow"), httpx.Response(502), problem(503, "database_unavailable")],
    ids=["lost", "timeout", "gateway", "database"],
)
def test_post_is_repeated_with_one_key(failure: Reply) -> None:
    server = FakeServer([failure, problem(409, "idempotency_in_progress"), ok()])

    server.client().request("POST", "/api/orders", json={}, takes_key=True)

    keys = {request.headers["Idempotency-Key"] for request in server.requests}
    assert len(server.requests) == 3
    assert len(keys) == 1


def test_each_call_has_its_own_key() -> None:
    server = FakeServer([ok(), ok()])
    client = server.client()

    for _ in range(2):
        client.request("POST", "/api/orders", takes_key=True)

    assert len({request.headers["Idempotency-Key"] for request in server.requests}) == 2


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_write_without_key_or_etag_is_sent_once(method: str) -> None:
    server = FakeServer([LOST, ok()])

    with pytest.raises(NoResponseError) as raised:
        server.client().request(method, "/api/products/1")

    assert raised.value.maybe_applied
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_write_with_etag_is_repeated(method: str) -> None:
    server = FakeServer([LOST, ok()])

    server.client().request(method, "/api/products/1", headers={"If-Match": '"1"'})

    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "refusal",
    [REFUSED, problem(429, "rate_limited"), problem(503, "circuit_open")],
    ids=["unreachable", "quota", "circuit"],
)
def test_refusal_before_the_work_is_repeated(refusal: Reply) -> None:
    server = FakeServer([refusal, ok()])

    server.client().request("PATCH", "/api/products/1")

    assert len(server.requests) == 2


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


def test_waits_grow_and_add_to_retry_after() -> None:
    server = FakeServer([LOST, LOST, problem(503, "circuit_open", Retry_After="2"), LOST, ok()])

    server.client().request("GET", "/api/products")

    assert server.clock.waits == pytest.approx([0.05, 0.1, 2.2, 0.4])


def test_retry_after_may_be_a_date() -> None:
    date = "Sun, 09 Sep 2001 01:46:43 GMT"  # three seconds after the client's clock
    server = FakeServer([problem(429, "rate_limited", Retry_After=date), ok()])

    server.client().request("GET", "/api/products")

    assert server.clock.waits == pytest.approx([3.05])


def test_wait_beyond_the_deadline_is_an_error_at_once() -> None:
    server = FakeServer([problem(429, "rate_limited", Retry_After="31")])

    with pytest.raises(RateLimitError):
        server.client().request("GET", "/api/products")

    assert server.clock.waits == []


def test_attempts_are_limited() -> None:
    server = FakeServer([LOST] * 9)

    with pytest.raises(NoResponseError) as raised:
        server.client(retries=RetryPolicy(max_attempts=3)).request("GET", "/api/products")

    assert not raised.value.maybe_applied
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (problem(404, "not_found"), NotFoundError),
        (problem(500, "internal_error"), ServerError),
        (httpx.Response(418, text="<html>"), StatusError),
    ],
    ids=["not found", "fault", "no problem document"],
)
def test_other_errors_are_raised_at_once(reply: httpx.Response, kind: type[StatusError]) -> None:
    server = FakeServer([reply])

    with pytest.raises(kind) as raised:
        server.client().request("GET", "/api/products/1")

    assert raised.value.status == reply.status_code


def test_refused_post_was_not_applied_after_a_lost_response() -> None:
    server = FakeServer([LOST, problem(409, "out_of_stock")])

    with pytest.raises(StatusError) as raised:
        server.client().request("POST", "/api/orders", takes_key=True)

    assert not raised.value.maybe_applied


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
