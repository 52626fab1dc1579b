"""Generated invalid requests: each is a 4xx problem that names its error and changes no row."""

import json
import re
import string
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sluice.http.body import BodySchema, Choice, Email, FieldType, Items, Text
from sluice.http.route import RouteSpec
from tests.fixtures.resources import RESOURCES, list_spec, resource_routes, valid_body
from tests.fixtures.shop import ApiResponse, Shop, written_tables


def generated(examples: int) -> settings:
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

    operation: RouteSpec
    body: dict[str, Any]

    @property
    def method(self) -> str:
        return self.operation.method

    @property
    def shape(self) -> BodySchema:
        assert self.operation.body is not None
        return self.operation.body

    @property
    def path(self) -> str:
        return path_of(self.operation)


def path_of(operation: RouteSpec) -> str:
    return re.sub(r"<\w+>", "{id}", operation.path)


BULK_BODY = {"updates": [{"product_id": 1, "quantity": 7}]}
WRITES = [
    WriteRoute(
        operation,
        BULK_BODY if "updates" in operation.body.fields else valid_body(name, operation) or {},
    )
    for name in RESOURCES
    for operation in resource_routes(name)
    if operation.body is not None
]
ROUTES = [
    (
        operation.method,
        path_of(operation),
        BULK_BODY if operation.name == "set_many" else valid_body(name, operation),
    )
    for name in RESOURCES
    for operation in resource_routes(name)
]
BY_ID = [route for route in ROUTES if "{id}" in route[1]]

any_text = st.text(
    st.characters(exclude_categories=()), max_size=50
)  # with surrogates, which st.text omits
any_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=5,
)
invalid_texts = st.sampled_from(
    ["", "  ", "a\0b", "\0", "\ud800", "x\udfffy", "x" * 10_001, "😀" * 10_001]
)
not_text = (
    st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.lists(any_json)
    | st.just({"a": "b"})
)
not_number = (
    st.none() | st.booleans() | any_text.filter(lambda text: not any(c.isdigit() for c in text))
    | st.lists(any_json, max_size=2) | st.dictionaries(any_text, any_json, max_size=2)
    | st.integers(max_value=-(2**31)) | st.integers(min_value=2**40) | st.floats(0.001, 0.009)
    | st.sampled_from([1e300, -1e300, 0.5e-7, 10**4000, -(10**4000), 1.0000001])
)  # fmt: skip
not_list = (
    st.none()
    | st.booleans()
    | any_text
    | st.just([])
    | st.lists(any_json.filter(lambda v: v != {}), min_size=1)
)


def invalid_values(field: FieldType) -> st.SearchStrategy[Any]:
    """Return a strategy for values that are invalid for this field."""
    match field:
        case Email():
            invalid_emails = [
                "@",
                "a@",
                "@b",
                "a@b@c",
                "a b@c",
                "a\nb@c",
                "a\x1bb@c",
                "a\u2003b@c",
                "a@" + "b" * 253,
            ]
            one_at = any_text.filter(lambda text: text.count("@") != 1)
            return not_text | invalid_texts | st.none() | one_at | st.sampled_from(invalid_emails)
        case Text():
            pattern_mismatches = ["A", "a b", "é", "a/b", "a\nb"] if field.pattern else []
            texts = invalid_texts.filter(lambda text: field.min_length or text.strip())
            bad = (
                not_text
                | texts
                | st.sampled_from(["x" * (field.max_length + 1), *pattern_mismatches])
            )
            return bad if field.nullable else bad | st.none()
        case Choice():
            return (
                not_text | invalid_texts | st.none() | st.sampled_from(["Paid", "new", "paid paid"])
            )
        case Items():
            return not_list
        case _:
            return not_number


class PopulatedShop:
    """A shop with one row of each resource, and a digest of all its tables."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.written_tables = written_tables(shop)
        self.ids = {
            name: resource.insert(shop, n) for n, (name, resource) in enumerate(RESOURCES.items())
        }
        self.before = self.digest()

    def digest(self) -> list[Any]:
        digests = (
            f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {t} t"
            for t in self.written_tables
        )
        return self.shop.sql(" UNION ALL ".join(digests))

    def at(self, path: str) -> str:
        """Return the path with the id of the existing row."""
        return path.replace("{id}", str(self.ids[path.split("/")[2]]))

    def assert_rejected(self, response: ApiResponse, *statuses: int) -> ApiResponse:
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
    value = data.draw(invalid_values(write.shape.fields[field]))
    response = populated.shop.call(
        write.method, populated.at(write.path), {**write.body, field: value}
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
        write.method, populated.at(write.path), {**write.body, name: value}
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
    missing = data.draw(
        st.sets(st.sampled_from(sorted(write.shape.required(write.method))), min_size=1)
    )
    body = {name: value for name, value in write.body.items() if name not in missing}
    response = populated.shop.call(write.method, populated.at(write.path), body)
    assert populated.assert_rejected(response, 422).errors == {
        f"/{name}": "required" for name in missing
    }


def cut(raw: bytes, at: float) -> bytes:
    return raw[: int(len(raw) * at)]


INVALID_JSON_VALUES = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e",
    ".5",
    "01",
    "+1",
    "0x1",
    "'a'",
    "undefined",
    "tru",
    "1" * 5_000,
]
INVALID_JSON_VALUES += ["1e99999999999999999999", "-1E-99999999999999999999"]

malformed_json = st.one_of(
    st.floats(0, 0.99).map(lambda at: lambda raw: cut(raw, at)),
    st.integers(1, 1_000).map(lambda depth: lambda raw: b"[" * depth + raw),
    st.just(lambda raw: b"[" * 500_000),
    st.just(lambda raw: b'{"a":' * 100_000),
    st.just(lambda raw: b"\xef\xbb\xbf" + raw),
    st.just(lambda raw: raw.decode().encode("utf-16")),
    st.sampled_from([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"]).map(
        lambda bad: lambda raw: b'{"' + bad + b'": 1, ' + raw[1:]
    ),
    st.sampled_from(INVALID_JSON_VALUES).map(
        lambda bad: lambda raw: b'{"price": ' + bad.encode() + b"}"
    ),
    st.just(lambda raw: raw[:-1] + b"," + raw[1:]),  # every field twice
    st.sampled_from([b"}", b",", b"{}", b" x", b"\0"]).map(lambda end: lambda raw: raw + end),
    st.just(lambda raw: raw.replace(b'"', b"'")),
    st.just(lambda raw: raw.replace(b":", b" ")),
    st.binary(max_size=30).map(lambda random_text: lambda raw: b"\x01" + random_text),
)


@generated(80)
@given(write=st.sampled_from(WRITES), breaking=malformed_json)
def test_body_that_is_not_json_is_400(
    populated: PopulatedShop, write: WriteRoute, breaking: Any
) -> None:
    raw = breaking(json.dumps(write.body).encode())
    response = populated.shop.call(write.method, populated.at(write.path), raw=raw)
    assert populated.assert_rejected(response, 400).code == "invalid_request"


@generated(30)
@given(
    write=st.sampled_from(WRITES), body=any_json.filter(lambda value: not isinstance(value, dict))
)
def test_body_that_is_not_an_object_is_422(
    populated: PopulatedShop, write: WriteRoute, body: Any
) -> None:
    response = populated.shop.call(
        write.method, populated.at(write.path), raw=json.dumps(body).encode()
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
        write.method, populated.at(write.path), raw=filler * (2**20 + over)
    )
    populated.assert_rejected(response, 413)


@generated(30)
@given(write=st.sampled_from(WRITES), kind=st.text(string.ascii_letters + "/+-;=* ", max_size=20))
def test_body_of_other_media_type_is_415(
    populated: PopulatedShop, write: WriteRoute, kind: str
) -> None:
    populated.assert_rejected(
        populated.shop.call(
            write.method, populated.at(write.path), write.body, content_type=f"x/{kind}"
        ),
        415,
    )


invalid_ids = st.one_of(
    st.integers(max_value=-1).map(str),
    st.floats(allow_nan=True).map(str),
    st.integers(0, 99).map(lambda n: "".join(chr(0x660 + int(d)) for d in str(n))),
    st.text(string.printable, min_size=1)
    .filter(lambda text: not text.isdigit())
    .map(lambda t: quote(t, safe="")),
    any_text.filter(lambda text: text and not text.isascii()).map(
        lambda t: "".join(c for c in t if ord(c) > 127)
    ),
    st.integers(0, 9).map(lambda n: f"%3{n}"),
    st.sampled_from(
        ["1 ", "1.0", "1,2", "null", "true", "0x1", "1e1", "+1", "1_0", "..", "1;", "'1'", "1--"]
    ),
)
unknown_ids = st.integers(2**40, 10**300).map(str) | st.sampled_from(["0", "0" * 400, "9" * 5_000])


@generated(100)
@given(route=st.sampled_from(BY_ID), id=invalid_ids)
def test_invalid_id_is_400(populated: PopulatedShop, route: tuple[str, str, Any], id: str) -> None:
    method, path, body = route
    response = populated.assert_rejected(
        populated.shop.call(method, path.replace("{id}", id), body), 400
    )
    assert response.errors == {"product_id" if "inventory" in path else "id": "invalid"}


@generated(40)
@given(route=st.sampled_from(BY_ID), id=unknown_ids)
def test_unknown_id_is_404(populated: PopulatedShop, route: tuple[str, str, Any], id: str) -> None:
    method, path, body = route
    populated.assert_rejected(populated.shop.call(method, path.replace("{id}", id), body), 404)


@generated(60)
@given(route=st.sampled_from(ROUTES), name=any_text, value=any_text)
def test_unknown_parameter_is_400(
    populated: PopulatedShop, route: tuple[str, str, Any], name: str, value: str
) -> None:
    method, path, body = route
    name = "x" + name.encode("utf-8", "replace").decode()
    query = urlencode({name: value.encode("utf-8", "replace")})
    response = populated.shop.call(method, f"{populated.at(path)}?{query}", body)
    assert populated.assert_rejected(response, 400).errors == {name: "unknown_parameter"}


COMMON = ("limit", "offset", "sort", "fields", "include_total")
# `search` (kind "words") accepts almost any text.
PARAMETERS = {
    name: (
        *COMMON,
        *(f for f, declared in list_spec(name).filters.items() if declared.kind != "search"),
    )
    for name in RESOURCES
}
FIELDS = sorted({name for write in WRITES for name in write.shape.fields})
invalid_parameters = (
    any_text.map(lambda text: "!" + text)
    | st.sampled_from(
        [
            "",
            "NaN",
            "1e400",
            "9" * 5_000,
            "٣",
            "\0",
            "True",
            "1.5.2",
            ",",
            "id;drop table x",
            "' or 1=1",
        ]
    )
    | st.floats().map(lambda number: f"{number}x")
)
VALID_PATTERNS = {
    "slug": "[a-z0-9-]+",
    "category": "[a-z0-9-]+",
    "email": ".+@.+",
}  # 1e400 is an invalid number but a valid slug


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
    tampered = data.draw(
        st.sampled_from(
            [
                cursor[:at],
                cursor[at + 1 :],
                cursor[:at] + random_text + "." + cursor[at:],
                random_text + "!",
                cursor[::-1],
            ]
        )
    )
    query = urlencode({"limit": 1, "cursor": tampered.encode("utf-8", "replace")})
    response = populated.assert_rejected(populated.shop.get(f"/api/products?{query}"), 400)
    assert response.code == "invalid_cursor" or response.errors == {"cursor": "invalid"}


valid_values = st.one_of(
    any_text,
    st.integers().map(str),
    st.sampled_from(["1", "id", "name:desc", "price,id", "true", "2026-01-01", "mugs", "0", "id,name"]),
    st.lists(st.integers(1, 2**63 - 1).map(str), min_size=1).map(",".join),
    st.dates().map(lambda day: f"{day}T12:00:00-12:00"),
    st.decimals(0, 10**10, places=2).map(str),
)  # fmt: skip
every_parameter = sorted(
    {name for names in PARAMETERS.values() for name in names} | {"search", "cursor"}
)


@generated(150)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    path=st.sampled_from(sorted({route[1] for route in ROUTES})),
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
        method, f"{populated.at(path)}?{parameters}", raw=json.dumps(body).encode(), **headers
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
    kept = None if description is None else description.strip()
    assert {key: found[key] for key in body} == {**body, "name": name.strip(), "description": kept}
