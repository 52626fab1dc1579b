"""Generated invalid requests: each is a 4xx problem that names its error and changes no row."""

import json
import re
import string
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sluice.http.body import BodySchema
from sluice.http.route import RouteSpec
from tests.fixtures.application import written_tables
from tests.fixtures.client import ApiResponse
from tests.fixtures.resources import RESOURCES, list_spec, resource_routes, valid_body
from tests.fixtures.shop import Shop
from tests.shop.http.invalid_input import (
    any_json,
    any_text,
    invalid_ids,
    invalid_parameters,
    invalid_values,
    malformed_json,
    unknown_ids,
)


def generated(examples: int) -> settings:
    """Return Hypothesis settings for a deterministic test with this many examples."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@dataclass(frozen=True)
class WriteRoute:
    """A route with a request body, and a valid body for it."""

    route: RouteSpec
    body: dict[str, Any]

    @property
    def method(self) -> str:
        return self.route.method

    @property
    def body_schema(self) -> BodySchema:
        assert self.route.body is not None
        return self.route.body

    @property
    def path(self) -> str:
        return path_template(self.route)


def path_template(route: RouteSpec) -> str:
    return re.sub(r"<\w+>", "{id}", route.path)


BULK_BODY = {"updates": [{"product_id": 1, "quantity": 7}]}


def example_body(name: str, route: RouteSpec) -> dict[str, Any] | None:
    """Return a valid body for this route, or None if it has no body."""
    if route.body is not None and "updates" in route.body.fields:
        return BULK_BODY
    return valid_body(name, route)


WRITES = [
    WriteRoute(route, example_body(name, route) or {})
    for name in RESOURCES
    for route in resource_routes(name)
    if route.body is not None
]
ROUTES = [
    (route.method, path_template(route), example_body(name, route))
    for name in RESOURCES
    for route in resource_routes(name)
]
BY_ID = [request for request in ROUTES if "{id}" in request[1]]


class PopulatedShop:
    """A shop with one row of each resource, and a digest of all its tables."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.tables = written_tables(shop)
        self.ids = {
            name: resource.insert(shop, n) for n, (name, resource) in enumerate(RESOURCES.items())
        }
        self.before = self.digest()

    def digest(self) -> list[Any]:
        digests = (
            f"SELECT '{table}', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"
            for table in self.tables
        )
        # PostgreSQL may run the parts in parallel, so their order is not that of the text.
        return self.shop.sql(f"{' UNION ALL '.join(digests)} ORDER BY 1")

    def with_id(self, path: str) -> str:
        """Return the path with the id of the existing row."""
        return path.replace("{id}", str(self.ids[path.split("/")[2]]))

    def assert_rejected(self, response: ApiResponse, *statuses: int) -> ApiResponse:
        """Assert that the response is a problem and no row has changed. Return the response."""
        assert response.status in statuses, response.text[:2_000]
        assert response.code
        assert self.digest() == self.before
        return response


@pytest.fixture
def populated(shop: Shop) -> PopulatedShop:
    return PopulatedShop(shop)


@generated(80)
@given(data=st.data(), write=st.sampled_from(WRITES))
def test_invalid_field_value_is_422(
    populated: PopulatedShop, data: st.DataObject, write: WriteRoute
) -> None:
    field = data.draw(st.sampled_from(sorted(write.body)))
    value = data.draw(invalid_values(write.body_schema.fields[field]))
    response = populated.shop.call(
        write.method, populated.with_id(write.path), {**write.body, field: value}
    )
    faults = populated.assert_rejected(response, 422).errors
    assert faults
    assert all(pointer == f"/{field}" or pointer.startswith(f"/{field}/") for pointer in faults)


@generated(60)
@given(write=st.sampled_from(WRITES), name=any_text, value=any_json)
def test_unknown_field_is_422(
    populated: PopulatedShop, write: WriteRoute, name: str, value: Any
) -> None:
    name = "x" + name
    response = populated.shop.call(
        write.method, populated.with_id(write.path), {**write.body, name: value}
    )
    shown = name.encode("utf-8", "replace").decode().replace("~", "~0").replace("/", "~1")
    assert populated.assert_rejected(response, 422).errors == {f"/{shown}": "unknown_field"}


@generated(40)
@given(
    data=st.data(), write=st.sampled_from([write for write in WRITES if write.method != "PATCH"])
)
def test_missing_fields_are_422(
    populated: PopulatedShop, data: st.DataObject, write: WriteRoute
) -> None:
    required = sorted(write.body_schema.required(write.method))
    missing = data.draw(st.sets(st.sampled_from(required), min_size=1))
    body = {name: value for name, value in write.body.items() if name not in missing}
    response = populated.shop.call(write.method, populated.with_id(write.path), body)
    assert populated.assert_rejected(response, 422).errors == {
        f"/{name}": "required" for name in missing
    }


@generated(80)
@given(write=st.sampled_from(WRITES), breaking=malformed_json)
def test_body_that_is_not_json_is_400(
    populated: PopulatedShop, write: WriteRoute, breaking: Any
) -> None:
    raw = breaking(json.dumps(write.body).encode())
    response = populated.shop.call(write.method, populated.with_id(write.path), raw=raw)
    assert populated.assert_rejected(response, 400).code == "invalid_request"


@generated(30)
@given(
    write=st.sampled_from(WRITES), body=any_json.filter(lambda value: not isinstance(value, dict))
)
def test_body_that_is_not_an_object_is_422(
    populated: PopulatedShop, write: WriteRoute, body: Any
) -> None:
    response = populated.shop.call(
        write.method, populated.with_id(write.path), raw=json.dumps(body).encode()
    )
    assert populated.assert_rejected(response, 422).errors == {"": "type"}


@generated(20)
@given(
    write=st.sampled_from(WRITES),
    filler=st.sampled_from([b" ", b"x", b"[", b"\xff", b"\0"]),
    over=st.integers(1, 9),
)
def test_body_over_1_mib_is_413(
    populated: PopulatedShop, write: WriteRoute, filler: bytes, over: int
) -> None:
    response = populated.shop.call(
        write.method, populated.with_id(write.path), raw=filler * (2**20 + over)
    )
    populated.assert_rejected(response, 413)


@generated(30)
@given(write=st.sampled_from(WRITES), kind=st.text(string.ascii_letters + "/+-;=* ", max_size=20))
def test_body_of_other_media_type_is_415(
    populated: PopulatedShop, write: WriteRoute, kind: str
) -> None:
    response = populated.shop.call(
        write.method, populated.with_id(write.path), write.body, content_type=f"x/{kind}"
    )
    populated.assert_rejected(response, 415)


@generated(100)
@given(request=st.sampled_from(BY_ID), id=invalid_ids)
def test_invalid_id_is_400(
    populated: PopulatedShop, request: tuple[str, str, Any], id: str
) -> None:
    method, path, body = request
    response = populated.assert_rejected(
        populated.shop.call(method, path.replace("{id}", id), body), 400
    )
    assert response.errors == {"product_id" if "inventory" in path else "id": "invalid"}


@generated(40)
@given(request=st.sampled_from(BY_ID), id=unknown_ids)
def test_unknown_id_is_404(
    populated: PopulatedShop, request: tuple[str, str, Any], id: str
) -> None:
    method, path, body = request
    populated.assert_rejected(populated.shop.call(method, path.replace("{id}", id), body), 404)


@generated(60)
@given(request=st.sampled_from(ROUTES), name=any_text, value=any_text)
def test_unknown_parameter_is_400(
    populated: PopulatedShop, request: tuple[str, str, Any], name: str, value: str
) -> None:
    method, path, body = request
    name = "x" + name.encode("utf-8", "replace").decode()
    query = urlencode({name: value.encode("utf-8", "replace")})
    response = populated.shop.call(method, f"{populated.with_id(path)}?{query}", body)
    assert populated.assert_rejected(response, 400).errors == {name: "unknown_parameter"}


COMMON = ("limit", "offset", "sort", "fields", "include_total")
# `search` (kind "search") accepts almost any text.
PARAMETERS = {
    name: (
        *COMMON,
        *(f for f in list_spec(name).filters if f != "search"),
    )
    for name in RESOURCES
}
FIELDS = sorted({name for write in WRITES for name in write.body_schema.fields})
# Some invalid numbers are valid for these, such as the slug 1e400.
VALID_PATTERNS = {"slug": "[a-z0-9-]+", "category": "[a-z0-9-]+", "email": ".+@.+"}


@generated(80)
@given(data=st.data(), list_=st.sampled_from(sorted(PARAMETERS)), value=invalid_parameters)
def test_invalid_parameter_value_is_400(
    populated: PopulatedShop, data: st.DataObject, list_: str, value: str
) -> None:
    name = data.draw(st.sampled_from(PARAMETERS[list_]))
    assume(len(value) > 254 or not re.fullmatch(VALID_PATTERNS.get(name, "(?!)"), value, re.DOTALL))
    query = urlencode({name: value.encode("utf-8", "replace")})
    response = populated.assert_rejected(populated.shop.get(f"/api/{list_}?{query}"), 400)
    assert response.errors == {name: "invalid"}


@generated(60)
@given(data=st.data(), random_text=any_text)
def test_tampered_cursor_is_400(
    populated: PopulatedShop, data: st.DataObject, random_text: str
) -> None:
    if "second" not in [row[0] for row in populated.shop.sql("SELECT name FROM products")]:
        populated.shop.add_product("second")
        populated.before = populated.digest()
    cursor = populated.shop.get("/api/products?limit=1").json["pagination"]["next_cursor"]
    at = data.draw(st.integers(0, len(cursor) - 1))
    changes = [
        cursor[:at],
        cursor[at + 1 :],
        cursor[:at] + random_text + "." + cursor[at:],
        random_text + "!",
        cursor[::-1],
    ]
    tampered = data.draw(st.sampled_from(changes))
    query = urlencode({"limit": 1, "cursor": tampered.encode("utf-8", "replace")})
    response = populated.assert_rejected(populated.shop.get(f"/api/products?{query}"), 400)
    assert response.code == "invalid_cursor" or response.errors == {"cursor": "invalid"}


valid_values = st.one_of(
    any_text,
    st.integers().map(str),
    st.sampled_from(["1", "0", "id", "name:desc", "price,id", "id,name", "true", "mugs"]),
    st.just("2026-01-01"),
    st.lists(st.integers(1, 2**63 - 1).map(str), min_size=1).map(",".join),
    st.dates().map(lambda day: f"{day}T12:00:00-12:00"),
    st.decimals(0, 10**10, places=2).map(str),
)
every_parameter = sorted(
    {name for names in PARAMETERS.values() for name in names} | {"search", "cursor"}
)


@generated(150)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    path=st.sampled_from(sorted({request[1] for request in ROUTES})),
    query=st.dictionaries(st.sampled_from(every_parameter), valid_values, max_size=3),
    body=st.dictionaries(st.sampled_from([*FIELDS, "version"]), any_json) | any_json,
    etag=st.sampled_from(["*", '"1"', 'W/"1"', '"1.1.1"']) | any_text,
)
def test_no_input_causes_a_5xx(
    populated: PopulatedShop, method: str, path: str, query: dict[str, str], body: Any, etag: str
) -> None:
    parameters = urlencode(
        {name: value.encode("utf-8", "replace") for name, value in query.items()}
    )
    headers = {"if_match": etag, "if_none_match": etag, "accept": "*/*"}
    response = populated.shop.call(
        method, f"{populated.with_id(path)}?{parameters}", raw=json.dumps(body).encode(), **headers
    )
    assert response.status < 500, response.text


@generated(100)
@given(
    name=any_text.filter(
        lambda text: text.strip() and not set(text) & {"\0"} and text.isprintable()
    ),
    description=st.none() | st.text(max_size=100).filter(lambda text: "\0" not in text),
    price=st.decimals(0, "9999999999.99", places=2),
    inventory=st.integers(0, 2**31 - 1),
)
def test_accepted_values_are_returned_unchanged(
    populated: PopulatedShop, name: str, description: str | None, price: Any, inventory: int
) -> None:
    populated.shop.sql("TRUNCATE products CASCADE")
    body = {
        "name": name,
        "description": description,
        "price": str(price),
        "category": "mugs",
        "inventory": inventory,
    }
    created = populated.shop.post("/api/products", body)
    assert created.status == 201, created.text
    found = populated.shop.get(created.headers["Location"]).json
    stripped = None if description is None else description.strip()
    expected = {**body, "name": name.strip(), "description": stripped}
    assert {key: found[key] for key in body} == expected
