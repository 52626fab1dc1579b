"""`sam local start-api`: a walk through the API over HTTP, as SAM's gateway emulation serves it."""

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.sam.conftest import Sam

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    json: Any


@dataclass(frozen=True, slots=True)
class Client:
    port: int

    def __call__(
        self, method: str, target: str, body: Any = None, *, key: str = "local-admin"
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"x-api-key": key} | (
            {"content-type": "application/json"} if body is not None else {}
        )
        connection.request(method, target, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return Answer(
            response.status,
            {k.lower(): v for k, v in response.getheaders()},
            json.loads(text or "null"),
        )


@pytest.fixture(scope="module")
def api(sam: Sam) -> Iterator[Client]:
    with sam.start_api() as port:
        yield Client(port)


def test_a_list_goes_on_where_its_first_page_ended(api: Client) -> None:
    listing = "/api/products?ids=1,2&sort=name:asc&limit=1"
    first = api("GET", listing)
    second = api("GET", f"{listing}&cursor={first.json['pagination']['next_cursor']}")
    assert (first.status, second.status) == (200, 200)
    assert [answer.json["data"][0]["name"] for answer in (first, second)] == ["Bucket", "Rope"]


def test_what_was_created_is_found_where_the_answer_says(api: Client) -> None:
    created = api("POST", "/api/categories", {"name": "Sluice gates"})
    assert created.status == 201, created.json
    location = created.headers["location"]
    found = api("GET", location[location.index("/api/") :])
    assert found.status == 200
    assert found.json == created.json
    assert found.headers["etag"] == created.headers["etag"]


def test_another_method_is_refused_by_the_function_itself(api: Client) -> None:
    answer = api("DELETE", "/api/products")
    assert answer.status == 405
    assert {"GET", "POST"} <= set(answer.headers["allow"].replace(" ", "").split(","))
    assert answer.json["code"] == "method_not_allowed"


def test_a_bad_body_is_told_field_by_field(api: Client) -> None:
    answer = api("POST", "/api/products", {"name": "", "price": "-1", "category": "garden"})
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert {error["pointer"] for error in answer.json["errors"]} == {"/name", "/price"}


def test_an_order_is_placed_and_takes_its_stock(api: Client) -> None:
    assert api("PUT", "/api/inventory/2", {"quantity": 9}).status == 200
    placed = api("POST", "/api/orders", {"user_id": 1, "items": [{"product_id": 2, "quantity": 3}]})
    assert placed.status == 201, placed.json
    assert api("GET", "/api/inventory/2").json["quantity"] == 6


def test_strangers_are_refused_and_so_is_one_who_asks_too_often(api: Client) -> None:
    assert api("GET", "/api/products", key="nobody's").status == 401
    statuses = [200]
    while (
        statuses[-1] == 200 and len(statuses) <= 11
    ):  # five a minute, and one minute may end on the way
        statuses.append(api("GET", "/api/products", key="local-limited").status)
    assert statuses[-1] == 429


def test_health_tells_the_pool(api: Client) -> None:
    assert api("GET", "/health").status == 200
    ready = api("GET", "/health/ready")
    assert ready.status == 200, ready.json
    assert ready.json["pool"]["size"] == 1


def test_an_unknown_path_never_reaches_a_function(api: Client) -> None:
    assert api("GET", "/api/nothing").status in (403, 404)
