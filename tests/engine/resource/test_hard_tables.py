"""Requests to tables whose names, keys and versions are hard on what is derived from them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sluice.http.resource_routes import resource_api
from sluice.kinds.boolean import Boolean
from sluice.kinds.field import Field, Operator
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.numeric import Numeric
from sluice.kinds.text import Text
from sluice.kinds.timestamp import Timestamp
from sluice.resource import DIGEST, Resource
from sluice.sql.projection import Join, JoinedColumn
from sluice.sql.resource_repository import ResourceRepository
from tests.fixtures.client import ADMIN, http_event, lambda_context
from tests.fixtures.sample import Library

Answer = tuple[int, Mapping[str, Any], Mapping[str, str]]
COLUMNS = "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
KEY = BigInt("id", read_only=True, minimum=1)


class Things:
    """Sends requests to a resource of the table `things`, which it creates."""

    def __init__(
        self,
        library: Library,
        columns: str,
        fields: list[Field],
        *,
        key: Field = KEY,
        etag: str | list[str] = DIGEST,
        filters: Sequence[Field] = (),
        **repository: Any,
    ) -> None:
        library.sql(f"CREATE TABLE things ({columns})")
        library.sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO sluice_app")
        declared = Resource(
            name="things",
            singular="thing",
            table="public.things",
            group="things",
            scope="library",
            key=key,
            fields=fields,
            etag=etag,
            filters=filters,
        )
        class_ = type("Things", (ResourceRepository,), {"resource": declared, **repository})
        self._api = resource_api(class_)

    def call(self, method: str, path: str = "", body: Any = None, **headers: str) -> Answer:
        event = http_event(method, f"/api/things{path}", body, None, {**ADMIN, **headers})
        response = self._api(event, lambda_context())
        sent = {name.lower(): value for name, value in response["headers"].items()}
        return response["statusCode"], json.loads(response["body"] or "{}"), sent


@pytest.mark.parametrize("column", [":a", "a :b", "a::b", "\\:a", "\\a:b", '"a":b', "%(a)s", "{a}"])
def test_name_of_a_column_is_never_read_as_sql(isolated_library: Library, column: str) -> None:
    quotes = column.replace('"', '""')
    field = Text("name", column=column, filter="in", sort=True)
    things = Things(isolated_library, f'{COLUMNS}, "{quotes}" text', [field])

    created = things.call("POST", body={"name": "old"})
    changed = things.call("PATCH", "/1", {"name": "new"})
    listed = things.call("GET", "?name=new&sort=name")

    assert [created[0], changed[0], listed[0]] == [201, 200, 200]
    assert listed[1]["data"] == [changed[1]] == [{"id": 1, "name": "new"}]


@pytest.mark.parametrize("key", ["self", "request", "fields", "changes", "values", "query"])
def test_key_may_have_any_name(isolated_library: Library, key: str) -> None:
    columns = f"{key} bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text"
    things = Things(
        isolated_library, columns, [Text("name")], key=BigInt(key, read_only=True, minimum=1)
    )
    things.call("POST", body={"name": "old"})

    assert things.call("GET", "/1")[1] == {key: 1, "name": "old"}
    assert things.call("PATCH", "/1", {"name": "new"})[1] == {key: 1, "name": "new"}
    assert things.call("DELETE", "/1")[0] == 204


def test_digest_changes_with_a_joined_column(isolated_library: Library) -> None:
    isolated_library.sql("CREATE TABLE makers (id bigint PRIMARY KEY, name text)")
    isolated_library.sql("INSERT INTO makers VALUES (1, 'Volta')")
    maker = Text("maker", column="makers.name", read_only=True)
    things = Things(
        isolated_library,
        f"{COLUMNS}, maker_id bigint DEFAULT 1",
        [maker, Integer("maker_id")],
        column_sql={"maker": JoinedColumn(Join("makers", "m", on={"id": "t_.maker_id"}), "name")},
    )
    before = things.call("POST", body={"maker_id": 1})[2]["etag"]
    assert things.call("GET", "/1", if_none_match=before)[0] == 304

    isolated_library.sql("UPDATE makers SET name = 'Ohm'")

    assert things.call("GET", "/1", if_none_match=before)[1]["maker"] == "Ohm"
    assert things.call("PATCH", "/1", {}, if_match=before)[0] == 412


@pytest.mark.parametrize("etag", ["changed_at", ["revision", "changed_at"]])
def test_version_may_be_a_time_or_null(isolated_library: Library, etag: str | list[str]) -> None:
    fields = [
        Timestamp("changed_at", nullable=True),
        Integer("revision", read_only=True, nullable=True),
    ]
    columns = f"{COLUMNS}, changed_at timestamptz, revision integer"
    things = Things(isolated_library, columns, fields, etag=etag)
    first = things.call("POST", body={})[2]["etag"]

    changed = things.call("PATCH", "/1", {"changed_at": "2026-01-31T12:00:00Z"}, if_match=first)
    second = changed[2]["etag"]

    assert changed[0] == 200
    assert second != first
    assert things.call("GET", "/1", if_none_match=second)[0] == 304
    assert things.call("PATCH", "/1", {}, if_match=second)[0] == 200
    assert things.call("PATCH", "/1", {}, if_match=first)[0] == 412


@pytest.mark.parametrize(
    ("operator", "query", "found"),
    [
        ("equal", "code=AB", [1, 2]),
        ("in", "code=ab", [1, 2]),
        ("in", "code=b,B,b", []),
        ("in", "code=AB&code=zZ", [1, 2, 4]),
        ("range", "code_min=B", [3, 4]),
        ("range", "code_max=AC", [1, 2]),
    ],
)
def test_every_filter_ignores_case(
    isolated_library: Library, operator: Operator, query: str, found: list[int]
) -> None:
    code = Text("code", ignore_case=True, filter=operator)
    things = Things(isolated_library, f"{COLUMNS}, code text", [code])
    for value in ("ab", "AB", "b", "Zz"):
        things.call("POST", body={"code": value})

    assert [row["id"] for row in things.call("GET", f"?{query}")[1]["data"]] == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("total_min=3", [2, 3]),
        ("sort=total:desc", [3, 2, 1]),
        ("big=true&some=1", [2, 3]),
        ("some=2&total_max=2", []),
    ],
)
def test_sql_by_hand_may_be_any_expression(
    isolated_library: Library, query: str, found: list[int]
) -> None:
    fields = [
        Integer("a"),
        Integer("b"),
        Numeric(
            "total",
            column="-.total",
            precision=9,
            scale=2,
            read_only=True,
            filter="range",
            sort=True,
        ),
        Boolean("big", column="-.big", read_only=True, filter="equal"),
    ]
    things = Things(
        isolated_library,
        f"{COLUMNS}, a integer, b integer",
        fields,
        filters=[Integer("some")],
        column_sql={"total": "t_.a + t_.b", "big": "t_.a > 1 OR t_.b > 1"},
        filter_sql={"some": "t_.a = :some OR t_.b = :some"},
    )
    for a, b in ((1, 1), (1, 2), (2, 1)):
        assert things.call("POST", body={"a": a, "b": b})[1]["total"] == f"{a + b}"

    assert [row["id"] for row in things.call("GET", f"?{query}")[1]["data"]] == found
