"""Lists that belong to a row, and lists of rows with a key of several columns."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.errors import InvalidCursor, NotFound
from sluice.kinds.boolean import Boolean
from sluice.kinds.date import Date
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.query import Query
from sluice.resource import Many, One, Resource
from sluice.settings import DatabaseSettings
from sluice.sql.connections import RelayConnection
from sluice.sql.junctions import junction_list
from sluice.sql.list_spec import ListQuery, Page, Parent
from sluice.sql.page_cursor import CursorSigner
from sluice.sql.resource_repository import ResourceRepository

TABLES = """
CREATE TABLE rates (country text, valid_from date, rate integer, PRIMARY KEY (country, valid_from));
INSERT INTO rates
VALUES ('a', '2026-01-01', 1), ('a', '2026-02-01', 1),
    ('b', '2026-01-01', 0), ('b', '2026-02-01', 0);
CREATE TABLE prices (
    id bigint PRIMARY KEY,
    parent_id bigint REFERENCES prices,
    country text,
    valid_from date,
    FOREIGN KEY (country, valid_from) REFERENCES rates
);
INSERT INTO prices
SELECT i, nullif(i % 3, 0), CASE WHEN i % 2 = 0 THEN 'b' END, '2026-02-01'
FROM generate_series(1, 9) i;
CREATE SCHEMA shelf;
CREATE TABLE shelf.labels (slug text PRIMARY KEY, hidden boolean NOT NULL);
INSERT INTO shelf.labels VALUES ('new', false), ('old', false), ('gone', true), ('sale', false);
CREATE TABLE shelf."price labels" (
    price_id bigint REFERENCES prices,
    label_slug text REFERENCES shelf.labels,
    "added At" date NOT NULL,
    PRIMARY KEY (price_id, label_slug)
);
INSERT INTO shelf."price labels"
SELECT 5, slug, '2026-03-01' FROM shelf.labels UNION ALL VALUES (6, 'sale', '2026-04-01'::date)
"""
RATES = Resource(
    name="rates",
    singular="rate",
    table="public.rates",
    group="",
    key=[Text("country"), Date("valid_from")],
    fields=[Integer("rate", nullable=True, sort=True)],
)
PRICES = Resource(
    name="prices",
    singular="price",
    table="public.prices",
    group="",
    key=BigInt("id"),
    fields=[
        Ref("parent_id", resource="prices", nullable=True, filter="equal"),
        Text("country", nullable=True, filter="equal"),
        Date("valid_from", nullable=True, filter="equal"),
    ],
    relations=[One("valid_rate", "rates", ["country", "valid_from"])],
)
LABELS = Resource(
    name="labels",
    singular="label",
    table="shelf.labels",
    group="",
    key=Text("slug"),
    fields=[Boolean("hidden")],
)
PRICE_LABELS = Many(
    "labels",
    "labels",
    "price_id",
    through="shelf.price labels",
    other_key="label_slug",
    payload=[Date("added_at", column="added At")],
)
RATE = "country,valid_from"
FEBRUARY = ("b", "2026-02-01")


class RatesByDay(ResourceRepository):
    resource = RATES


class PriceRepository(ResourceRepository):
    resource = PRICES


class LinkedLabels(ResourceRepository):
    resource = LABELS


@pytest.fixture
def database(empty_database: str) -> Iterator[Database]:
    settings = DatabaseSettings.from_url(empty_database)
    database = Database(make_pool(settings, "function"))
    for statement in TABLES.split(";"):
        if statement.strip():
            database.write(Query(statement))
    yield database
    database.dispose()


@pytest.fixture
def rates(database: Database) -> RatesByDay:
    return RatesByDay(database, CursorSigner(b"the key of this test"))


@pytest.fixture
def prices(database: Database) -> PriceRepository:
    return PriceRepository(database, CursorSigner(b"the key of this test"))


def ids_of(page: Page) -> list[int]:
    return [row["id"] for row in json.loads(f"[{page.items}]")]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ((), "a1 a2 b1 b2"),
        ((("country", True),), "b2 b1 a2 a1"),
        ((("rate", False),), "b1 b2 a1 a2"),
        ((("rate", True), ("country", False)), "a1 a2 b1 b2"),
    ],
)
def test_every_column_of_the_key_breaks_ties(
    rates: RatesByDay, sort: tuple[tuple[str, bool], ...], expected: str
) -> None:
    found = ""
    query = ListQuery(limit=1, sort=sort)
    while True:
        page = rates.page(query)
        row = json.loads(page.items)
        found += f"{row['country']}{row['valid_from'][6]} "
        if page.next_cursor is None:
            break
        query = query._replace(cursor=page.next_cursor)
    assert found.strip() == expected


def test_only_the_first_column_of_the_key_is_a_sort(rates: RatesByDay) -> None:
    assert list(rates.list_spec.sorts) == ["country", "rate"]


def test_list_of_a_parent_has_its_rows_only(prices: PriceRepository) -> None:
    projection = prices.list_spec.projection
    page = prices.page(ListQuery(limit=2), Parent(projection, (1,), "parent_id"))
    assert ids_of(page) == [1, 4]

    filtered = ListQuery(limit=2, filters={"parent_id": 1}, cursor=page.next_cursor)
    assert ids_of(prices.page(filtered)) == [7]
    with pytest.raises(InvalidCursor):
        prices.page(ListQuery(cursor=page.next_cursor))
    with pytest.raises(NotFound):
        prices.page(ListQuery(), Parent(projection, (77,), "parent_id"))
    assert ids_of(prices.page(ListQuery(), Parent(projection, (9,), "parent_id"))) == []


def test_parent_can_have_a_key_of_several_columns(
    prices: PriceRepository, rates: RatesByDay
) -> None:
    parent = Parent(rates.list_spec.projection, FEBRUARY, RATE)
    page = prices.page(ListQuery(limit=3, include_total=True), parent)
    assert (ids_of(page), page.total) == ([2, 4, 6], 4)
    assert ids_of(prices.page(ListQuery(cursor=page.next_cursor), parent)) == [8]
    with pytest.raises(NotFound):
        prices.page(ListQuery(), parent._replace(key=("c", "2026-02-01")))


def test_connections_of_parents_with_several_columns(prices: PriceRepository) -> None:
    query = ListQuery(limit=3, sort=(("id", True),))
    found = prices.connections_by_parent([("a", "2026-02-01"), FEBRUARY], query, RATE)
    ids = {
        key: [row["id"] for row in each.rows]
        for key, each in found.items()
        if isinstance(each, RelayConnection)
    }
    assert ids == {("a", "2026-02-01"): [], FEBRUARY: [8, 6, 4]}
    last = found[FEBRUARY]
    assert isinstance(last, RelayConnection)
    after = query._replace(after=last.cursor(last.rows[-1]))
    again = prices.connections_by_parent([FEBRUARY], after, RATE)[FEBRUARY]
    assert isinstance(again, RelayConnection)
    assert ([row["id"] for row in again.rows], again.has_previous) == ([2], True)


@pytest.mark.parametrize(
    ("descending", "slugs"), [(False, ["new", "old"]), (True, ["sale", "old"])]
)
def test_linked_rows_are_sorted_by_their_key(
    database: Database, prices: PriceRepository, descending: bool, slugs: list[str]
) -> None:
    labels = LinkedLabels(database, CursorSigner(b"the key of this test"))
    only_visible = replace(labels.projection, kept_condition="NOT l.hidden")
    rows = type("Visible", (LinkedLabels,), {"projection": only_visible})
    junction = junction_list(rows, PRICES, PRICE_LABELS)
    parent = Parent(prices.list_spec.projection, (5,), "price_id", junction)
    query = ListQuery(limit=2, sort=(("slug", descending),), include_total=True)

    page = labels.page(query, parent)

    found = json.loads(f"[{page.items}]")
    assert ([row["slug"] for row in found], page.total) == (slugs, 3)
    assert found[1] == {"slug": "old", "hidden": False, "link": {"added_at": "2026-03-01"}}
    (last,) = json.loads(f"[{labels.page(query._replace(cursor=page.next_cursor), parent).items}]")
    assert last["slug"] == ("new" if descending else "sale")
    with pytest.raises(NotFound):
        labels.page(query, parent._replace(key=(77,)))


def test_linked_rows_of_several_parents_are_sorted(
    database: Database, prices: PriceRepository
) -> None:
    labels = LinkedLabels(database, CursorSigner(b"the key of this test"))
    junction = junction_list(LinkedLabels, PRICES, PRICE_LABELS, graphql=True)
    query = ListQuery(limit=2, fields=frozenset(["slug"]))
    found = labels.connections_by_parent([(4,), (5,), (6,)], query, "price_id", junction)
    slugs = {
        key: [row["slug"] for row in each.rows]
        for key, each in found.items()
        if isinstance(each, RelayConnection)
    }
    assert slugs == {(4,): [], (5,): ["gone", "new"], (6,): ["sale"]}
