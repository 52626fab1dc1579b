"""Parameters of lists: invalid values, sorts and `fields`."""

import pytest

from tests.fixtures.cases import case_of
from tests.fixtures.client import Client
from tests.fixtures.resources import RESOURCES, fill, links, list_spec

LISTS = tuple(RESOURCES)
SORTS = {name: tuple(list_spec(name).sorts) for name in LISTS}
FILTERS = {name: tuple(list_spec(name).filters) for name in LISTS}
COMMON = ("limit", "cursor", "offset", "sort", "include_total", "fields")
each_list = pytest.mark.parametrize("list_", LISTS)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *[
            ("limit", value)
            for value in ("0", "101", "-1", "1.5", "ten", "", "1e1", "9" * 50, "٣", "1&limit=2")
        ],
        *[("offset", value) for value in ("-1", "10001", "x", "", "9" * 50)],
        *[("include_total", value) for value in ("1", "yes", "True", "")],
        *[("fields", value) for value in ("", "colour", "id,colour", "id,,name", "*")],
        *[
            ("sort", value)
            for value in ("", "colour", "id:up", "id:", ":asc", "id asc", "id,id", "id:asc:desc")
        ],
    ],
)
@each_list
def test_malformed_parameter_is_400(client: Client, list_: str, parameter: str, value: str) -> None:
    response = client.get(f"/api/{list_}?{parameter}={value}")
    expected = (400, "invalid_parameter", {parameter: "invalid"})
    assert (response.status, response.code, response.errors) == expected


@each_list
def test_all_invalid_parameters_are_named(client: Client, list_: str) -> None:
    response = client.get(f"/api/{list_}?limit=0&sort=x&fields=x&colour=blue&size=1")
    faults = {"limit": "invalid", "sort": "invalid", "fields": "invalid"}
    assert (response.status, response.code) == (400, "invalid_parameter")
    assert response.errors == {**faults, "colour": "unknown_parameter", "size": "unknown_parameter"}


@each_list
def test_only_declared_parameters_are_known(client: Client, list_: str) -> None:
    every = {*COMMON, *(name for names in FILTERS.values() for name in names), "Limit", "page", "q"}
    for name in every:
        faults = client.get(f"/api/{list_}?{name}=").errors
        known = name in (*COMMON, *FILTERS[list_])
        assert faults == {name: "invalid" if known else "unknown_parameter"}


@each_list
def test_fields_selects_fields(client: Client, list_: str) -> None:
    fill(client, list_, 2)
    rows = client.get(f"/api/{list_}").json["data"]
    names = [*rows[0]]
    first, last = names[0], names[-1]
    for fields in ([first], [last], [last, first]):
        selected = client.get(f"/api/{list_}?fields={','.join(fields)}").json["data"]
        assert selected == [{name: row[name] for name in fields} for row in rows]


@each_list
def test_only_declared_sorts_are_known(client: Client, list_: str) -> None:
    declared = {field.name for field in case_of(list_).resource.all_fields}
    for name in declared | {name for names in SORTS.values() for name in names}:
        assert client.get(f"/api/{list_}?sort={name}").status == (
            200 if name in SORTS[list_] else 400
        ), name


@each_list
def test_fields_may_omit_the_sort_key(client: Client, list_: str) -> None:
    fill(client, list_, 4)
    for sort in SORTS[list_]:
        rows = client.get(f"/api/{list_}?sort={sort}:desc").json["data"]
        name = next(field for field in rows[0] if field != sort)
        page = client.get(f"/api/{list_}?limit=2&sort={sort}:desc&fields={name}")
        second = client.get(links(page)["next"]).json["data"]
        assert second == [{name: row[name]} for row in rows[2:]]


@each_list
def test_single_row_rejects_list_parameters(client: Client, list_: str) -> None:
    response = client.get(f"/api/{list_}/{case_of(list_).unknown_key}?limit=5&cursor=x")
    assert (response.status, response.code) == (400, "invalid_parameter")
    assert response.errors == {"limit": "unknown_parameter", "cursor": "unknown_parameter"}


@each_list
def test_single_row_checks_fields(client: Client, list_: str) -> None:
    response = client.get(f"/api/{list_}/{case_of(list_).unknown_key}?fields=colour")
    assert (response.status, response.errors) == (400, {"fields": "invalid"})
