"""Requests through CloudFront, and requests that bypass it."""

import os
from collections.abc import Iterator

import pytest

from local.api_keys import emulated_client
from sluice import runtime
from sluice.errors import DirectAccess
from sluice.http.origin import require_cloudfront
from sluice.http.request import Request
from sluice.limits.memory import MemoryCounterStore
from sluice.limits.rate import Limiter
from sluice.settings import AwsSettings, origin_key
from tests.fixtures.client import HANDLERS, http_event, lambda_context
from tests.fixtures.sample import Library

KEY = "the key that CloudFront sends"
PATHS = [f"/api/{name}" for name in HANDLERS] + [
    "/api/nowhere",
    "/health",
    "/health/ready",
    "/nowhere",
]


@pytest.fixture
def behind_cloudfront() -> Iterator[None]:
    before = os.environ.get("SLUICE_ORIGIN_KEY")
    os.environ["SLUICE_ORIGIN_KEY"] = KEY
    yield
    if before is None:
        del os.environ["SLUICE_ORIGIN_KEY"]
    else:
        os.environ["SLUICE_ORIGIN_KEY"] = before


def request(**headers: str) -> Request:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("GET", "/api/readers", {}, sent, b"", client_ip="130.176.0.1")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "BREW"])
@pytest.mark.parametrize("path", PATHS)
def test_request_past_cloudfront_is_rejected(
    behind_cloudfront: None, library: Library, path: str, method: str
) -> None:
    for headers in (
        {},
        {"x_sluice_origin_key": "guess"},
        {"x_sluice_origin_key": KEY[:-1]},
        {"x_sluice_origin_key": "ü"},
    ):
        response = library.call(method, path, **headers)
        assert (response.status, response.code) == (403, "direct_access")
        assert "RateLimit" not in response.headers


def test_request_with_origin_key_is_accepted(behind_cloudfront: None, library: Library) -> None:
    assert library.get("/api/readers", x_sluice_origin_key=KEY).status == 200
    assert library.call("OPTIONS", "/api/readers", x_sluice_origin_key=KEY).status == 204
    assert library.get("/health", x_sluice_origin_key=KEY).status == 200
    assert library.get("/api/readers", x_sluice_origin_key=KEY, x_api_key="unknown").status == 401


def test_origin_key_is_optional(library: Library) -> None:
    assert origin_key({}) == ""
    assert library.get("/api/readers").status == 200
    assert library.get("/api/readers", x_sluice_origin_key="").status == 200


def test_client_address_needs_the_origin_key() -> None:
    claimed = request(x_sluice_client_address="198.51.100.7", x_sluice_origin_key=KEY)
    assert require_cloudfront(claimed, KEY).client_ip == "198.51.100.7"
    assert require_cloudfront(claimed, "").client_ip == "130.176.0.1"
    with pytest.raises(DirectAccess):
        require_cloudfront(claimed, "another key")
    for empty in (
        request(x_sluice_origin_key=KEY),
        request(x_sluice_origin_key=KEY, x_sluice_client_address=""),
    ):
        assert require_cloudfront(empty, KEY).client_ip == "130.176.0.1"


def unauthenticated_status(edge: str, client: str) -> int:
    """Send an unknown API key from `client` through CloudFront's `edge`. Return the status."""
    headers = {"x_api_key": "guess", "x_sluice_origin_key": KEY, "x_sluice_client_address": client}
    event = http_event("GET", "/api/readers", None, None, headers)
    event["requestContext"]["http"]["sourceIp"] = edge
    return int(HANDLERS["readers"](event, lambda_context())["statusCode"])


def test_unauthenticated_requests_count_per_address(
    behind_cloudfront: None, library: Library, emulated_aws: AwsSettings
) -> None:
    """The quota is not per edge of CloudFront, which many clients share."""
    current = runtime.current()
    dynamodb = emulated_client("dynamodb", emulated_aws.dynamodb_endpoint)
    with_fixed_clock = runtime.Runtime(current.settings, current.database, dynamodb)
    with_fixed_clock.admission.limiter = Limiter(
        MemoryCounterStore(), MemoryCounterStore(), clock=lambda: 1_700_000_000.0
    )
    runtime.set_current(with_fixed_clock)

    statuses = [unauthenticated_status("130.176.0.1", library.source_ip) for _ in range(601)]

    assert statuses == [401] * 600 + [429]
    assert unauthenticated_status("130.176.0.1", "198.51.100.1") == 401
    assert unauthenticated_status("130.176.0.2", library.source_ip) == 429
