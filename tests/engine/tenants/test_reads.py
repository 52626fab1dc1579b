"""Reads of rows with a tenant: each house sees its own rows, on every way to them."""

import json
from typing import Any

import pytest

from sluice.errors import InvalidCursor, NoTenant, NotFound
from sluice.sql.expand import expanded
from sluice.sql.junctions import junction_list
from sluice.sql.list_spec import ListQuery, Parent
from tests.engine.tenants.lodge_client import Lodge, tenant
from tests.engine.tenants.tables import ONE, TWO

HOUSES = pytest.mark.parametrize(("house", "n"), [(ONE, 1), (TWO, 2)])
LISTED = {
    "houses": 1,
    "guests": 2,
    "stays": 2,
    "tags": 2,
    "nights": 2,
    "remarks": 2,
    "answers": 1,
}
OTHERS = {name: ((2, 1) if name == "nights" else (2,)) for name in LISTED if name != "houses"}


@HOUSES
@pytest.mark.parametrize("name", LISTED)
def test_list_and_total_are_of_the_house(lodge: Lodge, house: str, n: int, name: str) -> None:
    with tenant(house):
        page = lodge.repository(name).page(ListQuery(include_total=True))
        rows = lodge.rows(name)

    assert (len(rows), page.total) == (LISTED[name], LISTED[name])
    key = {"houses": "id", "nights": "stay_id"}.get(name, "id")
    own = {house} if name == "houses" else {1, 3} if n == 1 else {2, 4}
    assert {row[key] for row in rows} <= own


@pytest.mark.parametrize("name", OTHERS)
def test_row_of_another_house_is_not_found(lodge: Lodge, name: str) -> None:
    repository, key = lodge.repository(name), OTHERS[name]

    with tenant(ONE):
        with pytest.raises(NotFound):
            repository.get_by_id(key)
        assert repository.get_many([key], {"id"}) == {}
    with tenant(TWO):
        assert repository.get_by_id(key).json
        assert set(repository.get_many([key], {"id"})) == {key}


@pytest.mark.parametrize("name", LISTED)
def test_rows_need_a_tenant(lodge: Lodge, name: str) -> None:
    with tenant(""), pytest.raises(NoTenant):
        lodge.rows(name)


def test_shared_rows_need_none(lodge: Lodge) -> None:
    with tenant(""):
        assert [row["code"] for row in lodge.rows("countries")] == ["de", "pt"]


def below(lodge: Lodge, name: str, relation: str, key: tuple[Any, ...]) -> Any:
    """Return the repository of a list below a row, and the parent."""
    kind = lodge.kind(name)
    many = next(each for each in kind.resource.lists if each.name == relation)
    other = lodge.kind(many.resource)
    junction = junction_list(other, kind.resource, many) if many.through else None
    return many.resource, Parent(kind.projection, key, ",".join(many.columns), junction)


@pytest.mark.parametrize(
    ("name", "relation", "count"),
    [
        ("guests", "stays", 1),
        ("guests", "countries", 1),
        ("stays", "nights", 2),
        ("stays", "tags", 1),
        ("remarks", "answers", 1),
    ],
)
def test_list_below_a_row(lodge: Lodge, name: str, relation: str, count: int) -> None:
    resource, parent = below(lodge, name, relation, (1,))

    with tenant(ONE):
        assert len(lodge.rows(resource, parent=parent)) == count
    with tenant(TWO), pytest.raises(NotFound):
        lodge.rows(resource, parent=parent)


@HOUSES
def test_rows_below_a_shared_row(lodge: Lodge, house: str, n: int) -> None:
    resource, parent = below(lodge, "countries", "guests", ("de",))

    with tenant(house):
        assert [row["id"] for row in lodge.rows(resource, parent=parent)] == [n]


def test_connections_of_parents(lodge: Lodge) -> None:
    query, parents = ListQuery(fields=frozenset(["id"]), include_total=True), [(1,), (2,)]

    with tenant(ONE):
        found = lodge.repository("stays").connections_by_parent(parents, query, "guest_id")

    assert {key: (len(each.rows), each.total) for key, each in found.items()} == {
        (1,): (1, 1),
        (2,): (0, 0),
    }


@pytest.mark.parametrize(("name", "relation"), [("stays", "tags"), ("guests", "countries")])
def test_linked_rows_of_parents(lodge: Lodge, name: str, relation: str) -> None:
    kind = lodge.kind(name)
    many = next(each for each in kind.resource.lists if each.name == relation)
    junction = junction_list(lodge.kind(many.resource), kind.resource, many, graphql=True)
    foreign_key, repository = ",".join(many.columns), lodge.repository(many.resource)
    linked = {"tags": [(1,), (2,)], "countries": [("pt",), ("pt",)]}[relation]
    query = ListQuery(fields=frozenset())

    with tenant(ONE):
        found = repository.connections_by_parent([(1,), (2,)], query, foreign_key, junction)
        edges = [
            repository.edge((n,), key, (), foreign_key, junction)
            for n, key in enumerate(linked, start=1)
        ]

    assert {key: len(each.rows) for key, each in found.items()} == {(1,): 1, (2,): 0}
    assert [edge is not None for edge in edges] == [True, False]


def test_cursor_is_of_its_house(lodge: Lodge) -> None:
    stays = lodge.repository("stays")
    with tenant(ONE):
        cursor = stays.page(ListQuery(limit=1)).next_cursor
        assert [row["id"] for row in lodge.rows("stays", ListQuery(cursor=cursor))] == [3]

    with tenant(TWO), pytest.raises(InvalidCursor):
        stays.page(ListQuery(limit=1, cursor=cursor))


def test_backward_page_is_of_its_house(lodge: Lodge) -> None:
    stays = lodge.repository("stays")
    with tenant(TWO):
        cursor = stays.page(ListQuery(limit=1)).next_cursor
        page = stays.page(ListQuery(limit=1, cursor=cursor))
        back = lodge.rows("stays", ListQuery(limit=1, cursor=page.prev_cursor))

    assert [row["id"] for row in back] == [2]
    assert page.next_cursor is None


def test_search_finds_rows_of_the_house(lodge: Lodge) -> None:
    with tenant(TWO):
        found = lodge.rows("guests", ListQuery(filters={"search": "ada"}, sort=(("name", True),)))

    assert [row["id"] for row in found] == [2]


def test_expanded_rows_are_of_the_house(lodge: Lodge) -> None:
    """A reference that the owner has set to a row of another house shows nothing of it."""
    lodge.sql("UPDATE lodge.stays SET guest_id = 2 WHERE id = 1")
    (item,) = expanded(lodge.kind("stays"), ("guest",), lodge.kind).items

    with tenant(ONE):
        found = [
            json.loads(lodge.repository("stays").get_by_id((n,), None, (item,)).json)["guest"]
            for n in (1, 3)
        ]

    assert found[0] is None
    assert found[1]["id"] == 3


@pytest.mark.parametrize("name", ["stays", "remarks", "answers"])
def test_read_is_one_statement_of_one_round_trip(lodge: Lodge, name: str) -> None:
    repository = lodge.repository(name)
    with tenant(ONE):
        repository.get_by_id((1,))  # connects
    for read in (lambda: repository.get_by_id((1,)), lambda: repository.page(ListQuery())):
        with tenant(ONE) as context:
            read()
        assert (context.database.statements, context.database.round_trips) == (1, 1)


def test_write_is_one_statement_of_one_round_trip(lodge: Lodge) -> None:
    repository = lodge.repository("stays")
    with tenant(ONE):
        repository.get_by_id((1,))  # connects
    with tenant(ONE) as context:
        repository.create({"guest_id": 1})
    assert (context.database.statements, context.database.round_trips) == (1, 1)
