"""One Api can serve several requests at the same time: each has its own context."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sluice import request_context
from sluice.errors import NotFound
from sluice.http.request import Request, request_of
from sluice.http.response import Response
from sluice.http.router import Api, json_response
from tests.fixtures.client import http_event, lambda_context


def call(api: Api, path: str) -> tuple[int, str, str]:
    """Return the status, the request id in the header, and the one in the body."""
    response = api(http_event("GET", path, None, None, {}), lambda_context())
    body = json.loads(response["body"])
    return response["statusCode"], response["headers"]["X-Request-Id"], body["request_id"]


def test_interleaved_requests_keep_their_contexts(capsys: pytest.CaptureFixture[str]) -> None:
    api = Api()
    slow_has_begun, fast_has_ended = threading.Event(), threading.Event()

    @api.get("/slow", response={})
    def slow(request: Request) -> Response:
        slow_has_begun.set()
        assert fast_has_ended.wait(timeout=10)
        raise NotFound("after the other request")

    @api.get("/fast", response={})
    def fast(request: Request) -> Response:
        return json_response(200, {"request_id": request.id})

    with ThreadPoolExecutor(1) as threads:
        slow_result = threads.submit(call, api, "/slow")
        assert slow_has_begun.wait(timeout=10)
        fast_status, fast_id, fast_body_id = call(api, "/fast")
        fast_has_ended.set()
        slow_status, slow_id, slow_body_id = slow_result.result()

    assert (fast_status, fast_body_id) == (200, fast_id)
    assert (slow_status, slow_body_id) == (404, slow_id)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    logged = [(line["request_id"], line["route"], line.get("code")) for line in lines]
    assert logged == [(fast_id, "/fast", None), (slow_id, "/slow", "not_found")]


def test_request_within_a_request_has_its_own_context() -> None:
    api = Api()

    @api.get("/outer", response={})
    def outer(request: Request) -> Response:
        status, _, inner_id = call(api, "/inner")
        assert (status, inner_id != request.id) == (200, True)
        return json_response(200, {"request_id": request_of(request_context.current()).id})

    @api.get("/inner", response={})
    def inner(request: Request) -> Response:
        return json_response(200, {"request_id": request.id})

    status, header_id, body_id = call(api, "/outer")

    assert (status, body_id) == (200, header_id)
    assert request_context.current().request is None
