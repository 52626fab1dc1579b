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
from sluice.kinds.field import Field
from sluice.kinds.integer import BigInt
from sluice.kinds.text import Text
from sluice.sql.derived import table
from tests.fixtures.application import written_tables
from tests.fixtures.cases import case_of
from tests.fixtures.client import ApiResponse, Client
from tests.fixtures.examples import examples
from tests.fixtures.invalid_input import (
    any_json,
    any_text,
    invalid_ids,
    invalid_parameters,
    invalid_values,
    malformed_json,
    rejects,
    unknown_ids,
)
from tests.fixtures.resources import RESOURCES, list_spec, resource_routes


def generated(count: int) -> settings:
    """Return Hypothesis settings for a deterministic test with this many examples."""
    return settings(
        max_examples=examples(count),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@dataclass(frozen=True, eq=False)
class ResourceRoute:
    """A route of a resource."""

    resource: str
    route: RouteSpec

    @property
    def method(self) -> str:
        return self.route.method

    @property
    def body_schema(self) -> BodySchema:
        assert self.route.body is not None
        return self.route.body

    @property
    def path(self) -> str:
        return re.sub(r"<\w+>(/<\w+>)*", "{id}", self.route.path, count=1)


ROUTES = [ResourceRoute(name, route) for name in RESOURCES for route in resource_routes(name)]
WRITES = [write for write in ROUTES if write.route.body is not None]
# Of a row whose key is a number. Texts have few invalid keys, and tests/engine has other keys.
BY_ID = [
    each
    for each in ROUTES
    if "{id}" in each.path
    and [isinstance(k, BigInt) for k in case_of(each.resource).resource.keys] == [True]
]
each_by_id = pytest.mark.skipif(not BY_ID, reason="no key is a number")


class PopulatedDatabase:
    """One row of each resource, valid bodies, and a digest of all tables."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.tables = written_tables(client)
        self.ids = {name: case_of(name).insert(client, n) for n, name in enumerate(RESOURCES)}
        self.bodies = {each: case_of(each.resource).body(client, each.route) for each in ROUTES}
        self.before = self.digest()

    def body(self, write: ResourceRoute) -> dict[str, Any]:
        """Return a valid body."""
        return self.bodies[write] or {}

    def digest(self) -> list[Any]:
        digests = (
            f"SELECT '{table}', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"
            for table in self.tables
        )
        # PostgreSQL may run the parts in parallel, so their order is not that of the text.
        return self.client.sql(f"{' UNION ALL '.join(digests)} ORDER BY 1")

    def with_id(self, path: str) -> str:
        """Return the path with the id of the existing row."""
        return path.replace("{id}", self.ids[path.split("/")[2]])

    def assert_rejected(self, response: ApiResponse, *statuses: int) -> ApiResponse:
        """Assert that the response is a problem and no row has changed. Return the response."""
        assert response.status in statuses, response.text[:2_000]
        assert response.code
        assert self.digest() == self.before
        return response


@pytest.fixture
def populated(client: Client) -> PopulatedDatabase:
    return PopulatedDatabase(client)


@generated(80)
@given(data=st.data(), write=st.sampled_from(WRITES))
def test_invalid_field_value_is_422(
    populated: PopulatedDatabase, data: st.DataObject, write: ResourceRoute
) -> None:
    field = data.draw(st.sampled_from(sorted(populated.body(write))))
    value = data.draw(invalid_values(write.body_schema.fields[field]))
    response = populated.client.call(
        write.method, populated.with_id(write.path), {**populated.body(write), field: value}
    )
    faults = populated.assert_rejected(response, 422).errors
    assert faults
    assert all(pointer == f"/{field}" or pointer.startswith(f"/{field}/") for pointer in faults)


@generated(60)
@given(write=st.sampled_from(WRITES), name=any_text, value=any_json)
def test_unknown_field_is_422(
    populated: PopulatedDatabase, write: ResourceRoute, name: str, value: Any
) -> None:
    name = "x" + name
    response = populated.client.call(
        write.method, populated.with_id(write.path), {**populated.body(write), name: value}
    )
    shown = name.encode("utf-8", "replace").decode().replace("~", "~0").replace("/", "~1")
    assert populated.assert_rejected(response, 422).errors == {f"/{shown}": "unknown_field"}


@generated(40)
@given(
    data=st.data(),
    write=st.sampled_from(
        [
            each
            for each in WRITES
            if each.method != "PATCH" and each.body_schema.required(each.method)
        ]
    ),
)
def test_missing_fields_are_422(
    populated: PopulatedDatabase, data: st.DataObject, write: ResourceRoute
) -> None:
    required = sorted(write.body_schema.required(write.method))
    missing = data.draw(st.sets(st.sampled_from(required), min_size=1))
    body = {name: value for name, value in populated.body(write).items() if name not in missing}
    response = populated.client.call(write.method, populated.with_id(write.path), body)
    assert populated.assert_rejected(response, 422).errors == {
        f"/{name}": "required" for name in missing
    }


@generated(80)
@given(write=st.sampled_from(WRITES), breaking=malformed_json)
def test_body_that_is_not_json_is_400(
    populated: PopulatedDatabase, write: ResourceRoute, breaking: Any
) -> None:
    raw = breaking(json.dumps(populated.body(write)).encode())
    response = populated.client.call(write.method, populated.with_id(write.path), raw=raw)
    assert populated.assert_rejected(response, 400).code == "invalid_request"


@generated(30)
@given(
    write=st.sampled_from(WRITES), body=any_json.filter(lambda value: not isinstance(value, dict))
)
def test_body_that_is_not_an_object_is_422(
    populated: PopulatedDatabase, write: ResourceRoute, body: Any
) -> None:
    response = populated.client.call(
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
    populated: PopulatedDatabase, write: ResourceRoute, filler: bytes, over: int
) -> None:
    response = populated.client.call(
        write.method, populated.with_id(write.path), raw=filler * (2**20 + over)
    )
    populated.assert_rejected(response, 413)


@generated(30)
@given(write=st.sampled_from(WRITES), kind=st.text(string.ascii_letters + "/+-;=* ", max_size=20))
def test_body_of_other_media_type_is_415(
    populated: PopulatedDatabase, write: ResourceRoute, kind: str
) -> None:
    response = populated.client.call(
        write.method, populated.with_id(write.path), populated.body(write), content_type=f"x/{kind}"
    )
    populated.assert_rejected(response, 415)


@each_by_id
@generated(100)
@given(request=st.sampled_from(BY_ID or ROUTES), id=invalid_ids)
def test_invalid_id_is_400(populated: PopulatedDatabase, request: ResourceRoute, id: str) -> None:
    method, path = request.method, request.path
    (key,) = case_of(request.resource).resource.keys
    assume(key.minimum >= 0 or not re.fullmatch("-[0-9]+", id))
    body = populated.bodies[request]
    response = populated.assert_rejected(
        populated.client.call(method, path.replace("{id}", id), body), 400
    )
    assert response.errors == {next(iter(request.route.path_fields)): "invalid"}


@each_by_id
@generated(40)
@given(request=st.sampled_from(BY_ID or ROUTES), id=unknown_ids)
def test_unknown_id_is_404(populated: PopulatedDatabase, request: ResourceRoute, id: str) -> None:
    method, path = request.method, request.path
    body = populated.bodies[request]
    populated.assert_rejected(populated.client.call(method, path.replace("{id}", id), body), 404)


@generated(60)
@given(request=st.sampled_from(ROUTES), name=any_text, value=any_text)
def test_unknown_parameter_is_400(
    populated: PopulatedDatabase, request: ResourceRoute, name: str, value: str
) -> None:
    method, path = request.method, request.path
    body = populated.bodies[request]
    name = "x" + name.encode("utf-8", "replace").decode()
    query = urlencode({name: value.encode("utf-8", "replace")})
    response = populated.client.call(method, f"{populated.with_id(path)}?{query}", body)
    assert populated.assert_rejected(response, 400).errors == {name: "unknown_parameter"}


COMMON = ("limit", "offset", "sort", "fields", "include_total")
PARAMETERS = {name: (*COMMON, *list_spec(name).filters) for name in RESOURCES}
FIELDS = sorted({name for write in WRITES for name in write.body_schema.fields})


def accepts(list_: str, parameter: str, value: str) -> bool:
    """Return whether a filter accepts a generated value, such as the slug 1e400."""
    if parameter not in list_spec(list_).filters:
        return False
    declared = list_spec(list_).filters[parameter].field_filter
    try:
        declared.parse_many([value]) if declared.many else declared.parse(value)
    except ValueError:
        return False
    return True


@generated(80)
@given(data=st.data(), list_=st.sampled_from(sorted(PARAMETERS)), value=invalid_parameters)
def test_invalid_parameter_value_is_400(
    populated: PopulatedDatabase, data: st.DataObject, list_: str, value: str
) -> None:
    name = data.draw(st.sampled_from(PARAMETERS[list_]))
    assume(not accepts(list_, name, value))
    query = urlencode({name: value.encode("utf-8", "replace")})
    response = populated.assert_rejected(populated.client.get(f"/api/{list_}?{query}"), 400)
    assert response.errors == {name: "invalid"}


@generated(60)
@given(data=st.data(), random_text=any_text)
def test_tampered_cursor_is_400(
    populated: PopulatedDatabase, data: st.DataObject, random_text: str
) -> None:
    list_ = f"/api/{RESOURCES[0]}"
    if len(populated.client.get(list_).json["data"]) == 1:
        case_of(RESOURCES[0]).insert(populated.client, len(RESOURCES))
        populated.before = populated.digest()
    cursor = populated.client.get(f"{list_}?limit=1").json["pagination"]["next_cursor"]
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
    response = populated.assert_rejected(populated.client.get(f"{list_}?{query}"), 400)
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
    path=st.sampled_from(sorted({request.path for request in ROUTES})),
    query=st.dictionaries(st.sampled_from(every_parameter), valid_values, max_size=3),
    body=st.dictionaries(st.sampled_from([*FIELDS, "version"]), any_json) | any_json,
    etag=st.sampled_from(["*", '"1"', 'W/"1"', '"1.1.1"']) | any_text,
)
def test_no_input_causes_a_5xx(
    populated: PopulatedDatabase,
    method: str,
    path: str,
    query: dict[str, str],
    body: Any,
    etag: str,
) -> None:
    parameters = urlencode(
        {name: value.encode("utf-8", "replace") for name, value in query.items()}
    )
    headers = {"if_match": etag, "if_none_match": etag, "accept": "*/*"}
    response = populated.client.call(
        method, f"{populated.with_id(path)}?{parameters}", raw=json.dumps(body).encode(), **headers
    )
    assert response.status < 500, response.text


def is_of_reference(name: str, field: Field) -> bool:
    """Return whether the field is a part of a reference to another row."""
    return any(field.column in one.foreign_key for one in case_of(name).resource.refs)


TEXTS = [
    (name, field)
    for name in RESOURCES
    if "create" in case_of(name).resource.writes
    for field in case_of(name).resource.writable
    if type(field) is Text and not field.pattern and not is_of_reference(name, field)
]


@generated(100)
@given(data=st.data(), text=any_text)
def test_accepted_text_is_returned_unchanged(
    client: Client, data: st.DataObject, text: str
) -> None:
    name, field = data.draw(st.sampled_from(TEXTS))
    assume(not rejects(field, text))
    client.sql(f"TRUNCATE {table(case_of(name).resource)} CASCADE")
    created = client.post(f"/api/{name}", {**case_of(name).new(client), field.name: text})
    assert created.status == 201, created.text
    assert client.get(created.headers["Location"]).json[field.name] == text.strip()
