"""What stands below a row: lists of other resources, links, and rows that it references."""

from typing import Any

import pytest

from sluice.resource import Many, One
from sluice.sql.identifiers import qualified
from testing.tcp_proxy import TcpProxy
from tests.fixtures.application import count_statements
from tests.fixtures.aws import AddApiKey
from tests.fixtures.cases import case_of, has_trigger, path_of
from tests.fixtures.client import Client
from tests.fixtures.resources import RESOURCES, links, row_path

ROWS = 7
LISTS = [
    (name, many)
    for name in RESOURCES
    for many in case_of(name).resource.lists
    if many.rest and many.resource in RESOURCES
]
BELOW = [(name, many) for name, many in LISTS if not many.through]
LINKED = [(name, many) for name, many in LISTS if many.through]
EXPANDED = [(name, one) for name in RESOURCES for one in case_of(name).resource.refs if one.expand]


def ids(value: object) -> str:
    return value.name if isinstance(value, Many | One) else str(value)


each_list = pytest.mark.parametrize(("name", "many"), LISTS, ids=ids)
each_list_below = pytest.mark.parametrize(("name", "many"), BELOW, ids=ids)
each_linked = pytest.mark.parametrize(("name", "many"), LINKED, ids=ids)
each_expanded = pytest.mark.parametrize(("name", "one"), EXPANDED, ids=ids)


def rows(client: Client, target: str) -> list[dict[str, Any]]:
    response = client.get(target)
    assert response.status == 200, response.text
    found: list[dict[str, Any]] = response.json["data"]
    return found


def referenced(name: str, columns: tuple[str, ...], row: dict[str, Any]) -> list[Any]:
    """Return what a row shows of the row that its foreign key references."""
    by_column = {field.column: field.name for field in case_of(name).resource.all_fields}
    return [row[by_column[column]] for column in columns]


def shown(name: str, many: Many, row: dict[str, Any]) -> list[Any]:
    """Return what the rows of the list show of `row`, which they reference."""
    fields = {field.column: field for field in case_of(many.resource).resource.all_fields}
    keys = case_of(name).resource.keys
    found = []
    for column, key in zip(many.columns, keys, strict=True):
        reference = fields[column].reference
        found.append(row[reference.by if reference and reference.by else key.name])
    return found


@each_list_below
def test_list_below_a_row_has_its_rows(client: Client, name: str, many: Many) -> None:
    other = case_of(many.resource)
    for n in range(ROWS):
        other.insert(client, n)
    case_of(name).insert(client, 77)
    every = rows(client, f"/api/{many.resource}?limit=100")

    counts = []
    for row in rows(client, f"/api/{name}?limit=100"):
        target = f"{row_path(name, row)}/{many.name}"
        expected = [
            each
            for each in every
            if referenced(many.resource, many.columns, each) == shown(name, many, row)
        ]
        assert rows(client, target) == expected
        pages = [client.get(f"{target}?limit=1&include_total=true")]
        while "next" in links(pages[-1]):
            pages.append(client.get(links(pages[-1])["next"]))
        assert [each for page in pages for each in page.json["data"]] == expected
        assert pages[0].json["pagination"]["total"] == len(expected)
        counts.append(len(expected))
    assert min(counts) == 0 < max(counts)


@each_list
def test_list_below_a_missing_row_is_404(client: Client, name: str, many: Many) -> None:
    response = client.get(f"/api/{name}/{case_of(name).unknown_key}/{many.name}")

    assert (response.status, response.code) == (404, "not_found")


@each_list
def test_list_below_a_row_is_one_statement(
    client: Client, open_proxy: TcpProxy, name: str, many: Many
) -> None:
    client.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    case_of(many.resource).insert(client, 0)
    target = f"/api/{name}/{case_of(name).insert(client, 77)}/{many.name}"
    before = count_statements(client)

    assert open_proxy.count_round_trips(lambda: client.get(target)) == 1
    assert count_statements(client) - before == 1
    assert client.get(target).status == 200


@each_list
def test_list_below_a_row_needs_a_scope(
    client: Client, add_api_key: AddApiKey, name: str, many: Many
) -> None:
    """It is that of the rows which are returned."""
    target = f"/api/{name}/{case_of(name).insert(client, 1)}/{many.name}"
    own, other = (f"{case_of(each).resource.scope_prefix}:read" for each in (name, many.resource))

    assert (
        client.get(target, x_api_key=add_api_key(f"other-{name}-{many.name}", other)).status == 200
    )
    if own != other:
        refused = client.get(target, x_api_key=add_api_key(f"own-{name}-{many.name}", own))
        assert (refused.status, refused.code) == (403, "insufficient_scope")


@each_list_below
def test_foreign_key_is_no_filter_below_its_row(client: Client, name: str, many: Many) -> None:
    target = f"/api/{name}/{case_of(name).insert(client, 1)}/{many.name}"
    of_key = [
        parameter
        for field in case_of(many.resource).resource.all_fields
        if (field.column,) == many.columns
        for parameter in field.filters()
    ]

    for parameter in of_key:
        assert client.get(f"{target}?{parameter}=1").errors == {parameter: "unknown_parameter"}
    assert client.get(f"{target}?limit=0").errors == {"limit": "invalid"}


@each_linked
def test_link_is_written_and_deleted(client: Client, name: str, many: Many) -> None:
    if not many.writes:
        return
    below = f"/api/{name}/{case_of(name).insert(client, 0)}/{many.name}"
    keys = [case_of(many.resource).insert(client, n) for n in (1, 2, 3)]
    everything = rows(client, f"/api/{many.resource}")

    for key in (*keys, keys[0]):
        assert client.put(f"{below}/{key}", {}).status == 204
    found = rows(client, below)
    assert [{k: v for k, v in each.items() if k != "link"} for each in found] == everything
    through = qualified(many.through)
    count = f"SELECT count(*) FROM {through}"
    assert client.sql(count) == [[3]]
    assert client.delete(f"{below}/{keys[0]}").status == 204
    assert client.delete(f"{below}/{keys[0]}").status == 404
    assert client.sql(count) == [[2]]
    for field in many.payload:
        sample = field.sample(3)
        if has_trigger(client, through):  # an inserted link has the value
            assert client.delete(f"{below}/{keys[1]}").status == 204
        assert client.put(f"{below}/{keys[1]}", {field.name: sample}).status == 204
        assert sample in [each["link"][field.name] for each in rows(client, below)]
        for value, code in field.invalid():
            refused = client.put(f"{below}/{keys[1]}", {field.name: value})
            assert (refused.status, refused.errors) == (422, {f"/{field.name}": code})


@each_linked
def test_link_of_missing_rows_is_404(client: Client, name: str, many: Many) -> None:
    if not many.writes:
        return
    case, other = case_of(name), case_of(many.resource)
    key, other_key = case.insert(client, 0), other.insert(client, 0)

    for path in (
        f"{case.unknown_key}/{many.name}/{other_key}",
        f"{key}/{many.name}/{other.unknown_key}",
    ):
        for method in ("PUT", "DELETE"):
            response = client.call(method, f"/api/{name}/{path}", {} if method == "PUT" else None)
            assert (response.status, response.code) == (404, "not_found")
    assert client.sql(f"SELECT count(*) FROM {many.through}") == [[0]]


@each_linked
def test_link_needs_two_scopes(
    client: Client, add_api_key: AddApiKey, name: str, many: Many
) -> None:
    if not many.writes:
        return
    key, other_key = case_of(name).insert(client, 0), case_of(many.resource).insert(client, 0)
    path = f"/api/{name}/{key}/{many.name}/{other_key}"
    write = f"{case_of(name).resource.scope_prefix}:write"
    read = f"{case_of(many.resource).resource.scope_prefix}:read"

    for n, scopes in enumerate([(write,), (read,)]):
        refused = client.put(path, {}, x_api_key=add_api_key(f"{n}-{name}-{many.name}", *scopes))
        assert (refused.status, refused.code) == (403, "insufficient_scope")
    assert (
        client.put(path, {}, x_api_key=add_api_key(f"both-{name}-{many.name}", write, read)).status
        == 204
    )


@each_expanded
def test_expand_shows_the_referenced_row(client: Client, name: str, one: One) -> None:
    for n in range(ROWS):
        case_of(name).insert(client, n)
    columns = (one.foreign_key,) if isinstance(one.foreign_key, str) else tuple(one.foreign_key)

    expanded = rows(client, f"/api/{name}?expand={one.name}")
    assert len(expanded) == ROWS
    for row in expanded:
        key = referenced(name, columns, row)
        if None in key:
            assert row[one.name] is None
        else:
            assert row[one.name] == client.get(f"/api/{one.resource}/{path_of(key)}").json
        assert client.get(f"{row_path(name, row)}?expand={one.name}").json == row
    plain = [{k: v for k, v in row.items() if k != one.name} for row in expanded]
    assert plain == rows(client, f"/api/{name}")


@each_expanded
def test_expand_is_one_statement_and_needs_a_scope(
    client: Client, add_api_key: AddApiKey, name: str, one: One
) -> None:
    path = f"/api/{name}/{case_of(name).insert(client, 1)}?expand={one.name}"
    client.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    before = count_statements(client)
    assert client.get(path).status == 200
    assert count_statements(client) - before == 1
    own, other = (f"{case_of(each).resource.scope_prefix}:read" for each in (name, one.resource))

    assert (
        client.get(path, x_api_key=add_api_key(f"both-{name}-{one.name}", own, other)).status == 200
    )
    if own != other:
        refused = client.get(path, x_api_key=add_api_key(f"own-{name}-{one.name}", own))
        assert (refused.status, refused.code) == (403, "insufficient_scope")


@pytest.mark.parametrize("name", RESOURCES)
def test_unknown_expand_is_400(client: Client, name: str) -> None:
    for target in (f"/api/{name}", f"/api/{name}/{case_of(name).insert(client, 1)}"):
        response = client.get(f"{target}?expand=nothing")
        assert response.status == 400
        assert {*response.errors} == {"expand"}
