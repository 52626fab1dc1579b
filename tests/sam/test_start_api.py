"""Call the API over HTTP through `sam local start-api`."""

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.sam.conftest import Sam

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class SamResponse:
    status: int
    headers: dict[str, str]
    json: Any


@dataclass(frozen=True, slots=True)
class SamClient:
    port: int

    def __call__(
        self, method: str, target: str, body: Any = None, *, key: str = "local-admin"
    ) -> SamResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"x-api-key": key} | (
            {"content-type": "application/json"} if body is not None else {}
        )
        connection.request(method, target, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return SamResponse(
            response.status,
            {k.lower(): v for k, v in response.getheaders()},
            json.loads(text or "null"),
        )


@pytest.fixture(scope="module")
def api(sam: Sam) -> Iterator[SamClient]:
    with sam.start_api() as port:
        yield SamClient(port)


def test_cursor_continues_the_list(api: SamClient) -> None:
    """The tests of events write the same two products."""
    listing = "/api/products?ids=1,2&sort=name:asc"
    both = api("GET", listing).json["data"]
    first = api("GET", f"{listing}&limit=1")
    second = api("GET", f"{listing}&limit=1&cursor={first.json['pagination']['next_cursor']}")
    assert (first.status, second.status) == (200, 200)
    assert [*first.json["data"], *second.json["data"]] == both
    assert len(both) == 2


def test_location_header_leads_to_new_row(api: SamClient) -> None:
    created = api("POST", "/api/categories", {"name": "Sluice gates"})
    assert created.status == 201, created.json
    location = created.headers["location"]
    found = api("GET", location[location.index("/api/") :])
    assert found.status == 200
    assert found.json == created.json
    assert found.headers["etag"] == created.headers["etag"]


def test_wrong_method_is_405(api: SamClient) -> None:
    response = api("DELETE", "/api/products")
    assert response.status == 405
    assert {"GET", "POST"} <= set(response.headers["allow"].replace(" ", "").split(","))
    assert response.json["code"] == "method_not_allowed"


def test_invalid_body_lists_field_errors(api: SamClient) -> None:
    response = api("POST", "/api/products", {"name": "", "price": "-1", "category": "garden"})
    assert response.status == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert {error["pointer"] for error in response.json["errors"]} == {"/name", "/price"}


def test_order_reduces_the_stock(api: SamClient) -> None:
    assert api("PUT", "/api/inventory/2", {"quantity": 9}).status == 200
    placed = api("POST", "/api/orders", {"user_id": 1, "items": [{"product_id": 2, "quantity": 3}]})
    assert placed.status == 201, placed.json
    assert api("GET", "/api/inventory/2").json["quantity"] == 6


def test_unknown_key_is_401_and_quota_is_429(api: SamClient) -> None:
    assert api("GET", "/api/products", key="unknown").status == 401
    statuses = [200]
    # The quota is five a minute, and a minute may end during the test.
    while statuses[-1] == 200 and len(statuses) <= 11:
        statuses.append(api("GET", "/api/products", key="local-limited").status)
    assert statuses[-1] == 429


def test_health_reports_the_pool(api: SamClient) -> None:
    assert api("GET", "/health").status == 200
    ready = api("GET", "/health/ready")
    assert ready.status == 200, ready.json
    assert ready.json["pool"]["size"] == 1


def test_unknown_path_reaches_no_function(api: SamClient) -> None:
    assert api("GET", "/api/nothing").status in (403, 404)
